/**
 * Quotas, as Swift has them: `X-Container-Meta-Quota-Bytes` and `-Count` by the owner, and by a reseller admin
 * `X-Account-Quota-Bytes` and `-Count`, of the whole account or, with `-Policy-<name>` behind, of what is kept under one policy.
 * `X-Account-Meta-Quota-Bytes` is the older name of the first. Checked against the counters when an upload begins; uploads
 * that run at the same time may pass it together, as in Swift.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ShoalError } from '../../proto/error.ts';
import type { Tally } from '../table/port.ts';
import type { Sums } from './account-sums.ts';
import { objectBytesMax } from './limits.ts';
import type { Metadata } from './metadata.ts';
import type { AccountRow } from './records.ts';

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

const quotaHeader = /^x-(remove-)?account-(meta-)?(quota-(?:bytes|count)(?:-policy-.+)?)$/;
const legacyName = 'quota-bytes';

/** What a request wants of an account's quotas: by name, '' where one is to go. Those of unknown policies mean nothing. */
export const quotasAsked = (headers: IncomingHttpHeaders, policies: readonly string[]): Metadata => {
  const asked: Record<string, string> = {};
  for (const header of Object.keys(headers)) {
    const [, remove, meta, name = ''] = quotaHeader.exec(header) ?? [];
    const policy = /-policy-(.+)$/.exec(name)?.[1];
    if (name === '' || (meta && name !== legacyName)) continue;
    if (policy !== undefined && !policies.includes(policy)) continue;
    if (remove || asked[name] === undefined) asked[name] = remove ? '' : String(headers[header]);
  }
  return asked;
};

/** Throws BAD_REQUEST on a quota that is no number. */
export const changeQuotas = (
  { metadata, quotas = {} }: Pick<AccountRow, 'metadata' | 'quotas'>,
  asked: Metadata,
): Pick<AccountRow, 'metadata' | 'quotas'> => {
  for (const [name, value] of Object.entries(asked))
    if (value !== '' && numberOf(value) === undefined)
      throw new ShoalError('BAD_REQUEST', `Invalid ${name} ${JSON.stringify(value)}: it is a number`);
  const all = Object.entries({ ...quotas, [legacyName]: metadata[legacyName] ?? '', ...asked });
  const kept = all.filter(([name, value]) => name !== legacyName && value !== '');
  const { [legacyName]: _old, ...others } = metadata;
  const bytes = all.find(([name]) => name === legacyName)?.[1] ?? '';
  return {
    metadata: bytes === '' ? others : { ...others, [legacyName]: bytes },
    quotas: kept.length === 0 ? undefined : Object.fromEntries(kept),
  };
};

/** All that an account is bounded by, each by its name. */
export const quotasOf = ({ metadata, quotas = {} }: Pick<AccountRow, 'metadata' | 'quotas'>): Metadata => {
  const bytes = metadata[legacyName];
  return { ...quotas, ...(bytes === undefined ? {} : { [legacyName]: bytes }) };
};

/** Bytes that one more object of the account may have, kept under the policy. Throws TOO_LARGE. */
export const accountBytesLeft = (
  quotas: Metadata,
  sums: Sums & { readonly byPolicy: ReadonlyMap<string, Sums> },
  policy: string,
  wantedBytes: number | undefined,
): number => {
  const bound = (suffix: string): Metadata =>
    Object.fromEntries(
      ['quota-bytes', 'quota-count'].flatMap((name) => {
        const value = quotas[name + suffix];
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
  const of = sums.byPolicy.get(policy) ?? { objects: 0, bytes: 0 };
  return Math.min(
    bytesLeft(bound(''), { rows: sums.objects, weight: sums.bytes }, wantedBytes),
    bytesLeft(bound(`-policy-${policy}`), { rows: of.objects, weight: of.bytes }, wantedBytes),
  );
};
