/*
 * events.h - GET /-/events?topics=space:ID,space:ID: what changes, told to pages as server-sent events.
 *
 *     id: BOOT-17
 *     event: space
 *     data: {"topic":"space:…", …}
 *
 * The event's name is the topic's kind. Only a topic's newest state matters: changes within COALESCE_MS become
 * one event, a reader that comes back (Last-Event-ID) or comes first gets the newest one of each topic
 * that it has not seen. A page opens one stream for all its topics (ui.md 3.6).
 */
#pragma once

#include "err.h"

struct sp_loop;
struct events;

enum { EVENTS_TOPICS_MAX = 64, EVENTS_COALESCE_MS = 50 };

SP_MUST int events_new(struct sp_loop *loop, struct events **ret, struct sp_err *e);
void events_free(struct events *ev);

/* Loop thread. JSON NULL: the thing is gone, forget the topic. */
void events_publish(struct events *ev, const char *topic, const char *json);
