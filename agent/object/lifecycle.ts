/**
 * S3's lifecycle: what a bucket's rules say of an object, a version, or an upload that was never completed. Pure.
 *
 * A day ends at midnight UTC, and what is due after n days is due at the midnight after them, as S3 counts.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
 */
import { dayMs } from '../../proto/units.ts';
import type { Metadata } from './metadata.ts';
import type { StorageClass } from './policy.ts';

export interface LifecycleFilter {
  readonly prefix?: string;
  readonly tags?: Metadata;
  /** Both excluded. */
  readonly bytesAbove?: number;
  readonly bytesBelow?: number;
}

/** From then on an object is kept as its class says. */
export type Transition = { readonly storageClass: StorageClass } & (
  | { readonly days: number }
  | { readonly atMs: number }
);

export interface LifecycleRule {
  readonly id: string;
  readonly isOn: boolean;
  readonly filter: LifecycleFilter;
  readonly expiration?:
    | { readonly days: number }
    | { readonly atMs: number }
    /** Markers under which no version is left. */
    | { readonly markers: true };
  readonly transitions?: readonly Transition[];
  readonly noncurrent?: { readonly days: number; readonly keep?: number };
  /** Days after which an upload that was not completed is aborted. */
  readonly abortDays?: number;
  /** Was it written in the older form, without a Filter? Clients hear their own form again. */
  readonly isOld?: true;
}

export interface Subject {
  readonly name: string;
  readonly bytes: number;
  readonly tags: Metadata;
}

export const matches = (
  { prefix = '', tags = {}, bytesAbove, bytesBelow }: LifecycleFilter,
  subject: Subject,
): boolean =>
  subject.name.startsWith(prefix) &&
  Object.entries(tags).every(([name, value]) => subject.tags[name] === value) &&
  (bytesAbove === undefined || subject.bytes > bytesAbove) &&
  (bytesBelow === undefined || subject.bytes < bytesBelow);

export const dueMs = (fromMs: number, days: number): number =>
  Math.ceil((fromMs + days * dayMs) / dayMs) * dayMs;

/** When a rule takes away what readers see, the first of those that mean it. */
export const expiryOf = (
  rules: readonly LifecycleRule[],
  subject: Subject & { readonly changedAtMs: number },
): { readonly id: string; readonly atMs: number } | undefined =>
  rules
    .flatMap(({ id, isOn, filter, expiration }) => {
      if (!isOn || !expiration || 'markers' in expiration || !matches(filter, subject)) return [];
      return [
        { id, atMs: 'days' in expiration ? dueMs(subject.changedAtMs, expiration.days) : expiration.atMs },
      ];
    })
    .sort((a, b) => a.atMs - b.atMs)[0];

export const isExpiredBy = (
  rules: readonly LifecycleRule[],
  subject: Subject & { readonly changedAtMs: number },
  nowMs: number,
): boolean => (expiryOf(rules, subject)?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs;

/** The class that came last; undefined: none has come. */
export const classDue = (
  rules: readonly LifecycleRule[],
  subject: Subject & { readonly changedAtMs: number },
  nowMs: number,
): StorageClass | undefined => {
  const due = rules
    .filter(({ isOn, filter }) => isOn && matches(filter, subject))
    .flatMap(({ transitions = [] }) => transitions)
    .map((one) => ({ ...one, atMs: 'days' in one ? dueMs(subject.changedAtMs, one.days) : one.atMs }))
    .filter(({ atMs }) => nowMs >= atMs);
  return due.sort((a, b) => a.atMs - b.atMs).at(-1)?.storageClass;
};

/** @param newer how many versions came after it that are not current either. */
export const isNoncurrentExpired = (
  rules: readonly LifecycleRule[],
  subject: Subject,
  { replacedAtMs, newer }: { readonly replacedAtMs: number; readonly newer: number },
  nowMs: number,
): boolean =>
  rules.some(
    ({ isOn, filter, noncurrent }) =>
      isOn &&
      noncurrent !== undefined &&
      newer >= (noncurrent.keep ?? 0) &&
      matches(filter, subject) &&
      nowMs >= dueMs(replacedAtMs, noncurrent.days),
  );

/** A deletion under which nothing is left. Rules that expire by age take those away as well. */
export const isLoneMarkerExpired = (
  rules: readonly LifecycleRule[],
  subject: Subject & { readonly changedAtMs: number },
  nowMs: number,
): boolean =>
  rules.some(({ isOn, filter, expiration }) => {
    if (!isOn || !expiration || 'atMs' in expiration || !matches(filter, subject)) return false;
    return 'markers' in expiration || nowMs >= dueMs(subject.changedAtMs, expiration.days);
  });

export const isUploadExpired = (
  rules: readonly LifecycleRule[],
  { name, startedAtMs }: { readonly name: string; readonly startedAtMs: number },
  nowMs: number,
): boolean =>
  rules.some(
    ({ isOn, filter, abortDays }) =>
      isOn &&
      abortDays !== undefined &&
      name.startsWith(filter.prefix ?? '') &&
      nowMs >= dueMs(startedAtMs, abortDays),
  );
