/*
 * stream.h - the buffer between the writers of an event stream (http.h) and the adapter that sends it.
 *
 * Writers are on any thread; the adapter reads on the loop thread. When the reader has found it empty the
 * next write calls RESUME on the loop thread, once.
 */
#pragma once

#include "server/http/conn.h"
#include "loop.h"

enum { STREAM_UNSENT_MAX = 1 << 20, STREAM_KEEPALIVE_MS = 15000 };

/* For http_stream_open and tests. */
struct http_stream *stream_new(struct sp_loop *loop, bool is_events, void (*closed)(void *arg), void *arg);

void stream_set_resume(struct http_stream *s, void (*resume)(void *arg), void *arg);

/* Up to MAX bytes into P. 0: none now, RESUME will be called. -1: ended, all was read. -2: broken, close the connection. */
int stream_read(struct http_stream *s, char *p, size_t max);

bool stream_is_refused(const struct http_stream *s);    /* too many streams are open: answer 503 instead */
void stream_break(struct http_stream *s);               /* the client is gone */
void stream_keep_alive(struct http_stream *s);          /* a comment line, if these are events and nothing waits */
void stream_close(struct http_stream *s);               /* loop thread: call CLOSED, forget */
