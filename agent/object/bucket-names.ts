/**
 * S3's bucket names are one name space for all accounts, containers are one for each. A bucket is the container of
 * that name in the caller's own account if there is one; for everybody else (and for callers with no key at all) it
 * is the container of the account that first made the name a bucket:
 *
 *   object-bucket   register  name / ""    the project whose container it is
 *
 * The name is taken after the container was made, so what is taken always has a container behind it; where that
 * container is gone the name is free again, whatever door it went by.
 */
import { ShoalError } from '../../proto/error.ts';
import type { Uuid } from '../../proto/ids.ts';
import type { Registers } from '../table/port.ts';
import type { Containers } from './containers.ts';
import { racesMax } from './limits.ts';

export interface BucketNameRow {
  readonly project: string;
  /** Incarnation of the container. */
  readonly id: Uuid;
}

export const openBucketNames = ({
  names,
  containers,
}: {
  readonly names: Registers<BucketNameRow>;
  readonly containers: Pick<Containers, 'find'>;
}) => {
  const stands = async (name: string, row: BucketNameRow): Promise<boolean> =>
    (await containers.find(row.project, name))?.id === row.id;

  return {
    /** Whose it is; undefined: nobody's. */
    async ownerOf(name: string): Promise<string | undefined> {
      const row = await names.get(name, '');
      return row && (await stands(name, row)) ? row.project : undefined;
    },

    /** Resolves with the project that has the name afterwards: another's where it was first. Throws CONTENDED. */
    async take(name: string, project: string, id: Uuid): Promise<string> {
      for (let attempt = 0; attempt < racesMax; attempt++) {
        const seen = await names.get(name, '');
        if (seen && (await stands(name, seen))) return seen.project;
        const row = await names.change(name, '', (now) => (now?.id === seen?.id ? { project, id } : now));
        if (row?.id === id) return project;
      }
      throw new ShoalError('CONTENDED', `Cannot take the bucket name ${JSON.stringify(name)}: try again`);
    },
  };
};

export type BucketNames = ReturnType<typeof openBucketNames>;
