/**
 * Compute v2.1 (Nova): https://docs.openstack.org/api-ref/compute/
 * What is served and what is not: docs/api/compute.md. The same routes stand under /v2, as at Nova.
 */
import { aboutRoutes } from './compute/about.ts';
import { flavorRoutes } from './compute/flavor.ts';
import { fleetRoutes } from './compute/fleet.ts';
import { keyPairRoutes } from './compute/key-pair.ts';
import { metadataRoutes } from './compute/metadata.ts';
import { serverRoutes } from './compute/server.ts';

export const computeRoutes = {
  ...aboutRoutes,
  ...flavorRoutes,
  ...keyPairRoutes,
  ...serverRoutes,
  ...metadataRoutes,
  ...fleetRoutes,
} as const;
