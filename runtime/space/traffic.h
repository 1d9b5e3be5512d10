/*
 * traffic.h - what vitrine-egress reports of apps' connections (sandbox/proto/report.h): refusals become lines of the app's log,
 * once for each destination, and the certain cause of a crash that looks like one; totals are for its page. Loop thread only.
 */
#pragma once

#include "msg.h"
#include "report.h"
#include "runtime/space/instance.h"

/* Read reports from FD, which stays the caller's, until traffic_end. */
void traffic_watch(struct spaces *sp, int fd);
void traffic_end(struct spaces *sp);

/* One report as it came. Of a sandbox that is no app's, or not any more, it is dropped. */
void traffic_take(struct spaces *sp, const struct sp_msg *m);

/* Everything since IN began, also where egress was started anew meanwhile. */
struct space_traffic traffic_total(const struct instance *in);

/* "10.0.0.1:5432", "[fd00::1]:80" */
struct traffic_place { char s[64]; };
struct traffic_place traffic_place(const struct report_refused *r);
