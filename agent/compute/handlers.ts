/** Which function answers which route of the table. */
import type { computeRoutes } from '../../proto/rest/compute.ts';
import type { Serve } from './context.ts';
import * as action from './serve-action.ts';
import * as cloud from './serve-cloud.ts';
import * as flavors from './serve-flavors.ts';
import * as servers from './serve-servers.ts';
import * as versions from './serve-versions.ts';

export const handlers = {
  listVersions: versions.listVersions,
  showVersion: versions.showVersion,
  listFlavors: flavors.listFlavors,
  listFlavorsDetail: flavors.listFlavorsDetail,
  showFlavor: flavors.showFlavor,
  createFlavor: flavors.createFlavor,
  deleteFlavor: flavors.deleteFlavor,
  listExtraSpecs: flavors.listExtraSpecs,
  listKeyPairs: flavors.listKeyPairs,
  createKeyPair: flavors.createKeyPair,
  showKeyPair: flavors.showKeyPair,
  deleteKeyPair: flavors.deleteKeyPair,
  listServers: servers.listServers,
  listServersDetail: servers.listServersDetail,
  createServer: servers.createServer,
  showServer: servers.showServer,
  updateServer: servers.updateServer,
  deleteServer: servers.deleteServer,
  actOnServer: action.actOnServer,
  listAddresses: servers.listAddresses,
  showAddresses: servers.showAddresses,
  listMetadata: servers.listMetadata,
  replaceMetadata: servers.replaceMetadata,
  updateMetadata: servers.updateMetadata,
  showMetadataItem: servers.showMetadataItem,
  setMetadataItem: servers.setMetadataItem,
  deleteMetadataItem: servers.deleteMetadataItem,
  showLimits: cloud.showLimits,
  showQuotas: cloud.showQuotas,
  showDefaultQuotas: cloud.showDefaultQuotas,
  listZones: cloud.listZones,
  listZonesDetail: cloud.listZonesDetail,
  listExtensions: versions.listExtensions,
  showExtension: versions.showExtension,
  listHypervisors: cloud.listHypervisors,
  listHypervisorsDetail: cloud.listHypervisorsDetail,
  showHypervisorStatistics: cloud.showHypervisorStatistics,
  showHypervisor: cloud.showHypervisor,
  listAggregates: cloud.listAggregates,
  listServices: cloud.listServices,
  listServerGroups: cloud.listServerGroups,
  createServerGroup: cloud.createServerGroup,
} as const satisfies { readonly [Name in keyof typeof computeRoutes]: Serve<(typeof computeRoutes)[Name]> };
