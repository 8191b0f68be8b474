/**
 * Does what lifecycle rules say. Each bucket with rules has a register, in which hosts note when they begin a sweep:
 * whoever comes first after the period takes it, the others leave it. A host that dies in a sweep costs one period; one sweep
 * that ended is enough for a day.
 *
 *   object-lifecycle   register  "rules" / incarnation    a bucket's rules, and when it was swept last
 *
 * What is due is deleted, or moved to another storage class, only if it still is what was looked at, and a locked version stays.
 */
import { isDeepStrictEqual } from 'node:util';
import { hasCode, ShoalError } from '../../proto/error.ts';
import { dayMs } from '../../proto/units.ts';
import { stripeBytesMin } from '../chunk/limits.ts';
import { walkRows } from '../table/walk-rows.ts';
import type { Context } from './context.ts';
import { placeOf } from './context.ts';
import {
  classDue,
  isExpiredBy,
  isLoneMarkerExpired,
  isNoncurrentExpired,
  isUploadExpired,
  type LifecycleRule,
  type Subject,
} from './lifecycle.ts';
import { lifecycleSweepMs, listingPageRows } from './limits.ts';
import { walkObjects } from './object-listing.ts';
import type { Check, Place } from './object-turn.ts';
import { codeFor, parseStorageClass } from './policy.ts';
import type { ContainerRow, LifecycleRow, ObjectRow } from './records.ts';
import { lifecycleGroup } from './records.ts';
import { walkVersions } from './version-listing.ts';

interface Sweep {
  readonly context: Context;
  readonly rules: readonly LifecycleRule[];
  readonly container: ContainerRow;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  placeFor(name: string): Place;
}

const subjectOf = (
  name: string,
  { bytes, large, tags = {}, changedAtMs }: ObjectRow,
): Subject & {
  readonly changedAtMs: number;
} => ({ name, bytes: large?.bytes ?? bytes, tags, changedAtMs });

/** Another caller was first, or a lock keeps it: both are right. */
const unlessKept = async (work: Promise<unknown>): Promise<number> => {
  try {
    await work;
    return 1;
  } catch (thrown) {
    if (hasCode(thrown, 'NOT_FOUND', 'FORBIDDEN', 'PRECONDITION_FAILED', 'CONTENDED', 'BUSY')) return 0;
    throw thrown;
  }
};

const onlyIf =
  (upload: ObjectRow['upload']): Check =>
  (current) => {
    if (current?.upload !== upload) throw new ShoalError('PRECONDITION_FAILED', 'It was replaced meanwhile');
  };

/** What is too small for a code stays as it is, and so do versions. */
const moveIfDue = async (sweep: Sweep, name: string, row: ObjectRow): Promise<number> => {
  const { context, rules, container, nowMs, signal, placeFor } = sweep;
  const storageClass = classDue(rules, subjectOf(name, row), nowMs);
  if (!storageClass || storageClass === row.storageClass || container.versions) return 0;
  if (row.content.kind === 'inline' || row.bytes < stripeBytesMin || row.large || row.link) return 0;
  if (parseStorageClass(storageClass, context.codes()) !== storageClass) return 0;
  const code = codeFor(container, storageClass);
  return unlessKept(
    context.objects.move(placeFor(name), row, { code, storageClass }, signal).catch((thrown: unknown) => {
      signal.throwIfAborted();
      // The next sweep tries it again; the others need not wait for it.
      if (!hasCode(thrown, 'QUORUM_MISSED', 'UNREACHABLE', 'DAMAGED', 'DISK_FULL', 'TIMEOUT')) throw thrown;
      context.runtime.log.warn('an object could not be moved yet', { object: name, thrown });
      throw new ShoalError('BUSY', `Cannot move ${JSON.stringify(name)} now`, { cause: thrown });
    }),
  );
};

const sweepObjects = async (sweep: Sweep): Promise<number> => {
  const { context, rules, container, nowMs, signal, placeFor } = sweep;
  const { records, runtime, objects } = context;
  let changed = 0;
  for await (const step of walkObjects({ records, clock: runtime.clock }, container, {})) {
    signal.throwIfAborted();
    if (step.kind !== 'name') continue;
    if (!isExpiredBy(rules, subjectOf(step.name, step.row), nowMs)) {
      changed += await moveIfDue(sweep, step.name, step.row);
      continue;
    }
    const [place, check] = [placeFor(step.name), onlyIf(step.row.upload)];
    changed += await unlessKept(
      container.versions ? objects.hide(place, check) : objects.remove(place, check),
    );
  }
  return changed;
};

/** Newest first within a name: each was replaced when the one before it came. */
const sweepVersions = async (sweep: Sweep): Promise<number> => {
  const { context, rules, container, nowMs, signal, placeFor } = sweep;
  if (!container.versions) return 0;
  const { records, runtime, objects } = context;
  let removed = 0;
  let before: { readonly name: string; readonly atMs: number; readonly noncurrent: number } | undefined;
  let marker: { readonly name: string; readonly row: ObjectRow; readonly versionId: string } | undefined;
  const deleteVersion = (name: string, versionId: string): Promise<number> =>
    unlessKept(objects.deleteVersion(placeFor(name), versionId, { promotes: true }));
  const asksTags = rules.some(({ filter, noncurrent }) => filter.tags && noncurrent);
  /** The list of versions does not say what was said of them later. */
  const tagged = async (name: string, versionId: string, row: ObjectRow): Promise<ObjectRow> =>
    (await objects.findVersion(placeFor(name), versionId)) ?? row;
  const settleMarker = async (): Promise<void> => {
    if (!marker) return;
    const { name, row, versionId } = marker;
    marker = undefined;
    if (isLoneMarkerExpired(rules, subjectOf(name, row), nowMs))
      removed += await deleteVersion(name, versionId);
  };
  for await (const { name, row, versionId, isLatest } of walkVersions(
    { records, clock: runtime.clock },
    container.id,
    {},
  )) {
    signal.throwIfAborted();
    const newer = before?.name === name ? before : undefined;
    if (newer) {
      const age = { replacedAtMs: newer.atMs, newer: newer.noncurrent };
      const told = asksTags && !row.isMarker ? await tagged(name, versionId, row) : row;
      if (isNoncurrentExpired(rules, subjectOf(name, told), age, nowMs)) {
        removed += await deleteVersion(name, versionId);
        before = { ...newer, atMs: row.changedAtMs };
        continue;
      }
      // Something is left under the deletion.
      marker = undefined;
    } else {
      await settleMarker();
      marker = row.isMarker && isLatest ? { name, row, versionId } : undefined;
    }
    before = { name, atMs: row.changedAtMs, noncurrent: newer ? newer.noncurrent + 1 : 0 };
  }
  await settleMarker();
  return removed;
};

const sweepUploads = async (sweep: Sweep): Promise<number> => {
  const { context, rules, container, nowMs, signal, placeFor } = sweep;
  const { records, multiparts } = context;
  let removed = 0;
  for await (const { row } of walkRows(records.multiparts, container.id, { limit: listingPageRows })) {
    signal.throwIfAborted();
    if (isUploadExpired(rules, row, nowMs))
      removed += await unlessKept(multiparts.abort(placeFor(row.name), row.upload));
  }
  return removed;
};

/**
 * All that comes due comes due at midnight: once a sweep after it has come to its end, the next day is soon enough. A sweep
 * that was noted for the future was noted by a wrong clock, which is no reason to wait for that day.
 */
const isDue = ({ sweptAtMs, doneAtMs = 0 }: LifecycleRow, nowMs: number): boolean => {
  const isDone = doneAtMs >= nowMs - (nowMs % dayMs) && doneAtMs <= nowMs;
  return !isDone && Math.abs(nowMs - sweptAtMs) >= lifecycleSweepMs;
};

/** Takes the sweep of a bucket; undefined: another host has it, or its time has not come. */
const take = async ({ records }: Context, id: string, nowMs: number): Promise<LifecycleRow | undefined> => {
  let isOurs = false;
  const row = await records.lifecycles.change(lifecycleGroup, id, (old) => {
    isOurs = old !== undefined && isDue(old, nowMs);
    return old && isOurs ? { ...old, sweptAtMs: nowMs } : old;
  });
  return isOurs ? row : undefined;
};

const sweepBucket = async (
  context: Context,
  id: string,
  { project, container: name, rules }: LifecycleRow,
  signal: AbortSignal,
): Promise<number> => {
  const container = await context.containers.find(project, name);
  if (container?.id !== id) {
    await context.records.lifecycles.change(lifecycleGroup, id, () => undefined);
    return 0;
  }
  const sweep: Sweep = {
    ...{ context, rules, container, signal },
    nowMs: context.runtime.clock.wallMs(),
    placeFor: (object) => placeOf({ project, container: name, object }, container),
  };
  return (await sweepObjects(sweep)) + (await sweepVersions(sweep)) + (await sweepUploads(sweep));
};

/** All buckets whose time has come. Throws what a range throws; what is left is found again. */
export const sweepLifecycles = async (context: Context, signal: AbortSignal): Promise<number> => {
  const { records, runtime } = context;
  let removed = 0;
  for await (const { sortKey: id, row } of walkRows(records.lifecycles, lifecycleGroup, {
    limit: listingPageRows,
  })) {
    signal.throwIfAborted();
    const nowMs = runtime.clock.wallMs();
    if (!isDue(row, nowMs)) continue;
    const taken = await take(context, id, nowMs);
    if (!taken) continue;
    removed += await sweepBucket(context, id, taken, signal);
    // Rules that came meanwhile were not obeyed yet.
    await records.lifecycles.change(lifecycleGroup, id, (old) =>
      old && isDeepStrictEqual(old, taken) ? { ...old, doneAtMs: taken.sweptAtMs } : old,
    );
  }
  return removed;
};
