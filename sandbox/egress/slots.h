/*
 * slots.h - the launcher's OPEN and CLOSE.
 */
#pragma once

#include "gateway.h"
#include "msg.h"

void slots_init(struct gateway *gw);

/* Act on one checked message; takes its descriptors. SP_EPROTO: an index or policy that does not exist. */
SP_MUST int slots_message(struct gateway *gw, struct sp_msg *m, struct sp_err *e);
