/*
 * instance_int.h - what instance.c (its life and end) and instance_start.c (how it gets its sandbox) share.
 */
#pragma once

#include "runtime/space/spaces_int.h"

/*
 * RETRY_SLOT_MS: no slot was free. CHECK_PORT_MS: nothing listens on the port of one that serves. TURN_MS: an app that
 * starts holds the turn of others up for that long at most; TURN_AGAIN_MS: between looks.
 */
enum { RETRY_SLOT_MS = 5000, CHECK_PORT_MS = 1000, TURN_MS = 15000, TURN_AGAIN_MS = 1000 };

void instance_move(struct instance *in, enum inst_phase phase);
void instance_gone(struct instance *in);                /* its sandbox is away, or never was */
void instance_probe(struct instance *in);
void instance_prepare(struct instance *in);
struct log_sink *instance_open_log(struct instance *in, int read_fd);
