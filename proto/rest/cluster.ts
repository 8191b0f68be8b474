/** The operator API: hosts, layout, health, invites, events. shoal's own; JSON with camelCase names. */
import { eventRoutes } from './cluster/event.ts';
import { hostRoutes } from './cluster/host.ts';
import { layoutRoutes } from './cluster/layout.ts';
import { upkeepRoutes } from './cluster/upkeep.ts';

export const clusterRoutes = {
  ...hostRoutes,
  ...layoutRoutes,
  ...upkeepRoutes,
  ...eventRoutes,
} as const;
