/**
 * Where versioning is on, a row of the object's name that is no version yet becomes one when it is replaced: the versions are
 * written along with the object's row, so nobody sees that row without them.
 */
import type { Companion } from '../table/port.ts';
import type { ObjectRow, Records } from './records.ts';
import { asVersion, versionKey } from './versions.ts';

export const keptVersions = (
  { versions }: Pick<Records, 'versions'>,
  name: string,
  rows: readonly (ObjectRow | undefined)[],
): readonly Companion[] =>
  rows
    .filter((row) => row !== undefined)
    .map(asVersion)
    .map((row) => versions.companion(versionKey(name, row.versionId), row));
