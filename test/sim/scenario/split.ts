/**
 * Ranges that split under fire: the cluster's own scenario with rows whose ranges take no more than a handful, so each of them
 * splits several times while hosts crash, join and leave, layouts change and clients put, delete, list and count. The
 * same checkers: nothing acknowledged is lost or comes back, lists and reads are linearizable, tallies exact at rest, and
 * deleted rows leave nothing in the end.
 */
import { type ClusterParts, soundParts } from '../program/cluster-host.ts';
import type { Scenario } from '../scenario.ts';
import { runCluster } from './cluster.ts';

export const splitScenario = (parts: ClusterParts = soundParts): Scenario => ({
  name: 'split',
  run: (world) =>
    runCluster(world, { ...parts, splitRows: world.random.pick([1, 2, 4]) }, (random) => ({
      ...{ groups: random.pick([1, 2]), keys: random.pick([6, 12]), pairs: random.pick([1, 4]) },
      ...{ readShare: random.pick([0.3, 0.6]), rowShare: 0.9 },
    })),
});
