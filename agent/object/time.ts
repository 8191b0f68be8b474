/** Swift's ways to write a moment. Rows hold milliseconds since 1970. */

/** `1763939000.12300`: seconds with five decimals, X-Timestamp. */
export const timestampText = (atMs: number): string => (atMs / 1000).toFixed(5);

/** `2026-11-24T23:02:48.123000`: last_modified in listings, UTC without a zone. */
export const listingTime = (atMs: number): string => new Date(atMs).toISOString().replace('Z', '000');

/** Whole seconds, rounded up, so that If-Modified-Since of what was just read never says "modified". */
export const httpSeconds = (atMs: number): number => Math.ceil(atMs / 1000);

/** `Tue, 24 Nov 2026 23:02:49 GMT`: Last-Modified. */
export const httpDate = (atMs: number): string => new Date(httpSeconds(atMs) * 1000).toUTCString();
