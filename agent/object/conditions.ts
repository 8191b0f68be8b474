/**
 * Conditional requests, RFC 9110 section 13: first If-Match or else If-Unmodified-Since, then If-None-Match or
 * else If-Modified-Since. Dates that nobody can read are ignored, as the RFC says.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface Validators {
  /** Without quotes. */
  readonly etag: string;
  /** Last-Modified in whole seconds. */
  readonly modifiedSeconds: number;
}

export type Verdict = 'proceed' | 'not-modified' | 'failed';

const names = (header: string, etag: string): boolean =>
  header
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', ''))
    .some((tag) => tag === '*' || tag === etag);

const secondsOf = (date: string | undefined): number | undefined => {
  const ms = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
};

/** For something that exists. `asSwift`: If-Unmodified-Since counts beside If-Match. */
export const checkConditions = (
  headers: IncomingHttpHeaders,
  thing: Validators,
  asSwift = false,
): Verdict => {
  const ifMatch = headers['if-match'];
  const unmodifiedSince = secondsOf(headers['if-unmodified-since']);
  if (ifMatch !== undefined && !names(ifMatch, thing.etag)) return 'failed';
  const counts = asSwift || ifMatch === undefined;
  if (counts && unmodifiedSince !== undefined && thing.modifiedSeconds > unmodifiedSince) return 'failed';

  const ifNoneMatch = headers['if-none-match'];
  const modifiedSince = secondsOf(headers['if-modified-since']);
  if (ifNoneMatch !== undefined) return names(ifNoneMatch, thing.etag) ? 'not-modified' : 'proceed';
  if (modifiedSince !== undefined && thing.modifiedSeconds <= modifiedSince) return 'not-modified';
  return 'proceed';
};

/** Does the Range header still count? If-Range names the version that the client has a part of. */
export const rangeCounts = (headers: IncomingHttpHeaders, thing: Validators): boolean => {
  const ifRange = headers['if-range'];
  if (typeof ifRange !== 'string') return true;
  return names(ifRange, thing.etag) || secondsOf(ifRange) === thing.modifiedSeconds;
};
