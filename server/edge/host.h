/*
 * host.h - the one rule that turns a Host into who answers (C-PROXY-01). Pure.
 *
 * DOMAIN itself and address literals are the platform; LABEL.DOMAIN is an app; everything else is unknown.
 * Compared without case, port and one trailing dot (proxy.md 7.4).
 */
#pragma once

#include "str.h"

enum host_kind { HOST_UNKNOWN, HOST_PLATFORM, HOST_APP };

struct host_label { char s[64]; };      /* lower case */

/* HOST as sent, already checked by the head parser; empty (HTTP/1.0) is the platform. LABEL is set for HOST_APP. */
enum host_kind host_classify(struct sp_str host, struct sp_str domain, struct host_label *label);
