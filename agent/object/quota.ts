/**
 * Quotas kept as metadata, as Swift does: `X-Container-Meta-Quota-Bytes` and `-Count` by the owner,
 * `X-Account-Meta-Quota-Bytes` by a reseller admin. Checked against the counters when an upload begins; uploads
 * that run at the same time may pass it together, as in Swift.
 */
import { ShoalError } from '../../proto/error.ts';
import type { Tally } from '../table/port.ts';
import { objectBytesMax } from './limits.ts';
import type { Metadata } from './metadata.ts';

const numberOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;

/** Throws BAD_REQUEST on a quota that is no number. */
export const checkQuotaValues = (metadata: Metadata): void => {
  for (const name of ['quota-bytes', 'quota-count'] as const)
    if (metadata[name] !== undefined && numberOf(metadata[name]) === undefined)
      throw new ShoalError('BAD_REQUEST', `Invalid ${name === 'quota-bytes' ? 'bytes' : 'count'} quota.`);
};

export const hasQuota = (metadata: Metadata): boolean =>
  metadata['quota-bytes'] !== undefined || metadata['quota-count'] !== undefined;

/** Bytes that one more object may have. Throws TOO_LARGE when there is no room for it. */
export const bytesLeft = (metadata: Metadata, used: Tally, wantedBytes: number | undefined): number => {
  const bytes = numberOf(metadata['quota-bytes']) ?? Number.POSITIVE_INFINITY;
  const count = numberOf(metadata['quota-count']) ?? Number.POSITIVE_INFINITY;
  const left = Math.min(objectBytesMax, bytes - used.weight);
  if (
    used.rows + 1 > count ||
    left < 0 ||
    (wantedBytes !== undefined && wantedBytes > left && left < objectBytesMax)
  )
    throw new ShoalError('TOO_LARGE', 'Upload exceeds quota.');
  return left;
};
