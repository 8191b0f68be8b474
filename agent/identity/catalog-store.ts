/** What operators add to the catalog, and which projects see only a part of it. */
import { mapLimit } from '../base/map-limit.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Rows, Tables } from '../table/port.ts';
import { type FreshCache, openCache } from './cache.ts';
import { type Collection, openCollection } from './collection.ts';
import { type Directory, everywhere } from './directory.ts';
import { pageRowsMax, readsMax } from './limits.ts';
import type { Extra } from './records.ts';

export interface RegionRow {
  readonly id: string;
  readonly description: string;
  readonly parentId: string | null;
  readonly extra: Extra;
}
export interface ServiceRow {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly extra: Extra;
}
export interface EndpointRow {
  readonly id: string;
  readonly serviceId: string;
  readonly regionId: string | null;
  readonly interface: string;
  /** May hold `$(project_id)s` or `%(project_id)s`. */
  readonly url: string;
  readonly enabled: boolean;
  readonly extra: Extra;
}
export interface EndpointGroupRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly filters: {
    readonly service_id?: string;
    readonly region_id?: string;
    readonly interface?: string;
    readonly enabled?: boolean;
  };
}
/** Kept for clients that keep their policies in Keystone; nothing here reads them. */
export interface PolicyRow {
  readonly id: string;
  readonly type: string;
  readonly blob: string;
  readonly extra: Extra;
}

export interface Stored {
  readonly regions: readonly RegionRow[];
  readonly services: readonly ServiceRow[];
  readonly endpoints: readonly EndpointRow[];
  readonly groups: readonly EndpointGroupRow[];
}

/** What a project was given: `endpoint/ID` and `group/ID`. */
export type Share = `${'endpoint' | 'group'}/${string}`;

export interface Shares {
  of(projectId: string): Promise<readonly Share[]>;
  projectsOf(share: Share): Promise<readonly string[]>;
  has(projectId: string, share: Share): Promise<boolean>;
  add(projectId: string, share: Share): Promise<void>;
  remove(projectId: string, share: Share): Promise<void>;
}

export interface CatalogStore {
  readonly regions: Collection<RegionRow>;
  readonly services: Collection<ServiceRow>;
  readonly endpoints: Collection<EndpointRow>;
  readonly groups: Collection<EndpointGroupRow>;
  readonly policies: Collection<PolicyRow>;
  readonly shares: Shares;
  /** Seconds old at most; shares by project. */
  readonly recent: {
    readonly stored: FreshCache<Stored>;
    readonly shares: FreshCache<readonly Share[]>;
  };
  /** Runs a change and makes every host forget its copies. */
  changing<Result>(work: () => Promise<Result>): Promise<Result>;
}

const openShares = (tables: Tables, changed: (projectId: string) => void): Shares => {
  const rows: Rows<{ readonly given: true }> = tables.rows({ name: 'identity.catalog-share' });
  const index: Rows<{ readonly given: true }> = tables.rows({ name: 'identity.catalog-share-on' });
  const keys = async (table: typeof rows, partition: string): Promise<readonly string[]> =>
    (await table.range(partition, { limit: pageRowsMax })).entries.map(({ sortKey }) => sortKey);
  const has: Shares['has'] = async (projectId, share) => (await rows.get(projectId, share)) !== undefined;
  return {
    has,
    of: async (projectId) => (await keys(rows, projectId)) as readonly Share[],
    async projectsOf(share) {
      const named = await keys(index, share);
      const standing = await mapLimit(named, readsMax, (projectId) => has(projectId, share));
      return named.filter((_, i) => standing[i]);
    },
    async add(projectId, share) {
      await index.put(share, projectId, { given: true });
      await rows.put(projectId, share, { given: true });
      changed(projectId);
    },
    async remove(projectId, share) {
      await rows.delete(projectId, share);
      await index.delete(share, projectId);
      changed(projectId);
    },
  };
};

export const openCatalogStore = ({
  runtime,
  tables,
  directory,
}: {
  readonly runtime: Runtime;
  readonly tables: Tables;
  readonly directory: Pick<Directory, 'onChange' | 'tell'>;
}): CatalogStore => {
  const regions = openCollection<RegionRow>({ tables }, 'region');
  const services = openCollection<ServiceRow>({ tables }, 'service');
  const endpoints = openCollection<EndpointRow>({ tables }, 'endpoint');
  const groups = openCollection<EndpointGroupRow>({ tables }, 'endpoint_group');
  const shares = openShares(tables, (projectId) => directory.tell('catalog-share', projectId));
  const recent: CatalogStore['recent'] = {
    stored: openCache(runtime, async () => {
      const [r, s, e, g] = await Promise.all([
        regions.list(),
        services.list(),
        endpoints.list(),
        groups.list(),
      ]);
      return { regions: r, services: s, endpoints: e, groups: g };
    }),
    shares: openCache(runtime, shares.of),
  };
  directory.onChange('catalog', recent.stored.drop);
  directory.onChange('catalog-share', recent.shares.drop);
  return {
    regions,
    services,
    endpoints,
    groups,
    policies: openCollection<PolicyRow>({ tables }, 'policy'),
    shares,
    recent,
    async changing(work) {
      try {
        return await work();
      } finally {
        directory.tell('catalog', everywhere);
      }
    },
  };
};
