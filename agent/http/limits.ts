/** Every bound of the HTTP listener. Rows of docs/LIMITS.md. */
import { KiB, MiB, minuteMs, secondMs } from '../../proto/units.ts';

/**
 * Request line and all headers. An object name may have 1 KiB, tripled by percent-encoding; Swift metadata has
 * 4 KiB; a token less than 1 KiB: 8 KiB in sum, four times that for proxies and careless clients.
 */
export const headerBytesMax = 32 * KiB;

/** A JSON body, where its route says nothing else. Nova's user data (64 KiB, base64) is the largest usual one. */
export const jsonBodyBytesMax = MiB;

/** Nesting of a JSON body. No call has more than 8; a validator that recurses must not be led deeper. */
export const jsonDepthMax = 64;

/** From the first byte of a request to the end of its headers: a client that drips headers is cut off. */
export const headersTimeoutMs = 15 * secondMs;

/** The whole of a JSON body. At 1 MiB this asks for 35 KB/s, which a phone has. */
export const jsonBodyTimeoutMs = 30 * secondMs;

/** Between two pieces of a streamed body, after which the client is answered 408. Swift's `client_timeout` is 60 s. */
export const bodyIdleMs = minuteMs;

/** A socket on which nothing moved in either direction. Above `bodyIdleMs` and the longest long poll (60 s). */
export const socketIdleMs = 5 * minuteMs;

/** Between two requests on a connection. Above the 60 s of usual proxies, so that it is they who close first. */
export const keepAliveMs = 75 * secondMs;

/** Requests being handled at once; the next one is answered 503. Some 100 KiB each beside the chunk buffers. */
export const requestsMax = 1024;

/** Open connections: ten times `requestsMax`, as most idle between requests. */
export const connectionsMax = 10 * requestsMax;

/**
 * What is still read and thrown away of a body after it was refused, so that the client gets to see why: closing
 * at once would reset the connection under its writes. Beyond this it is cut off.
 */
export const drainBytesMax = 8 * MiB;

/** How long `stop` waits for requests in flight before it cuts them off. */
export const stopGraceMs = 5 * secondMs;

/** What a client is told to wait (seconds) after an answer that it may repeat. */
export const retryAfterSeconds = 1;

/** Values of a JSON body in which a fault is looked for, with its place: some 50 ms. Real bodies have hundreds. */
export const faultValuesMax = 50_000;
