/**
 * Versions of an object, where `X-Versions-Enabled` is or was on. Each has a row of its own, written along with the
 * object's row that points at it, so two writers that race keep both versions whoever becomes the current one.
 *
 *   object          incarnation / name                    current: the version that GET shows
 *   object/version  incarnation / name NUL order          all of them, newest first, deletions as markers
 *
 * A version's id is its moment and its upload, `1763939000.12300_5f0c...`, the form of Swift's own timestamps with
 * an offset, from which its key follows. An object from before versioning, or from while it was suspended, goes by the id `null`, and has no row there
 * until another takes its place; there is one such version at most.
 */
import { ShoalError } from '../../proto/error.ts';
import type { Uuid } from '../../proto/ids.ts';
import type { ObjectRow } from './records.ts';
import { timestampText } from './time.ts';

export const nullVersion = 'null';

/** Content type of a deletion in listings: Swift's. */
export const markerType = 'application/x-deleted;swift_versions_deleted=1';

export const versionIdOf = (upload: Uuid, atMs: number): string =>
  `${timestampText(atMs).padStart(16, '0')}_${upload.replaceAll('-', '').slice(0, 16)}`;

/** 10^15 in hundred-thousandths of seconds lie 300 years after 1970. */
const orderMax = 10n ** 15n;

/** Throws BAD_REQUEST on what is no version's id. Swift's own timestamps have the form, and name none of ours. */
export const checkVersionId = (id: string): string => {
  if (id !== nullVersion && !/^\d{10}\.\d{5}(_[\da-f]{16})?$/.test(id))
    throw new ShoalError('BAD_REQUEST', 'Invalid version parameter');
  return id;
};

/** Throws BAD_REQUEST where no versions were ever kept; the one `null` is there all the same. */
export const checkVersioned = (
  { versions }: { readonly versions?: string | undefined },
  id: string,
): void => {
  if (versions === undefined && id !== nullVersion)
    throw new ShoalError('BAD_REQUEST', 'version-aware operations require that the container is versioned');
};

const unitsOf = (id: string): bigint => BigInt((id.split('_')[0] ?? '').replace('.', ''));

/** The id, or one just behind `before` where that lies later: clocks differ, and a millisecond holds more than one. */
export const versionIdAfter = (before: string, id: string): string => {
  const least = unitsOf(before) + 1n;
  if (unitsOf(id) >= least) return id;
  const digits = least.toString().padStart(15, '0');
  return `${digits.slice(0, 10)}.${digits.slice(10)}_${id.split('_')[1]}`;
};

/** Newest first in byte order. */
export const versionKey = (name: string, id: string): string => {
  const [moment = '', upload = ''] = id.split('_');
  const order = (orderMax - BigInt(moment.replace('.', ''))).toString().padStart(16, '0');
  return `${name}\0${order}_${upload}`;
};

export const nameOfVersionKey = (key: string): string => key.slice(0, key.indexOf('\0'));

/** The row as a version, whether it was written as one or before there were any: then it goes on by the name `null`. */
export const asVersion = (row: ObjectRow): ObjectRow & { readonly versionId: string } =>
  row.versionId === undefined
    ? { ...row, versionId: versionIdOf(row.upload, row.changedAtMs), isNull: true }
    : { ...row, versionId: row.versionId };

/** What clients call it. */
export const shownVersionId = ({ versionId, isNull }: Pick<ObjectRow, 'versionId' | 'isNull'>): string =>
  isNull ? nullVersion : (versionId ?? nullVersion);
