/** What servers run on, as Nova tells of it: zones, hypervisors, services and groups. */
import { Type } from 'typebox';
import { computeRoute } from './schema.ts';

export const fleetRoutes = {
  listZones: computeRoute({
    name: 'listZones',
    method: 'GET',
    path: '/v2.1/os-availability-zone',
    policy: 'token',
    status: 200,
  }),
  listZonesDetail: computeRoute({
    name: 'listZonesDetail',
    method: 'GET',
    path: '/v2.1/os-availability-zone/detail',
    policy: 'admin',
    status: 200,
  }),
  listHypervisors: computeRoute({
    name: 'listHypervisors',
    method: 'GET',
    path: '/v2.1/os-hypervisors',
    policy: 'admin',
    status: 200,
  }),
  listHypervisorsDetail: computeRoute({
    name: 'listHypervisorsDetail',
    method: 'GET',
    path: '/v2.1/os-hypervisors/detail',
    policy: 'admin',
    status: 200,
  }),
  showHypervisorStatistics: computeRoute({
    name: 'showHypervisorStatistics',
    method: 'GET',
    path: '/v2.1/os-hypervisors/statistics',
    policy: 'admin',
    status: 200,
  }),
  showHypervisor: computeRoute({
    name: 'showHypervisor',
    method: 'GET',
    path: '/v2.1/os-hypervisors/:hypervisorId',
    policy: 'admin',
    status: 200,
  }),
  listAggregates: computeRoute({
    name: 'listAggregates',
    method: 'GET',
    path: '/v2.1/os-aggregates',
    policy: 'admin',
    answer: Type.Object({ aggregates: Type.Array(Type.Unknown()) }),
    status: 200,
  }),
  listServices: computeRoute({
    name: 'listServices',
    method: 'GET',
    path: '/v2.1/os-services',
    policy: 'admin',
    status: 200,
  }),
  listServerGroups: computeRoute({
    name: 'listServerGroups',
    method: 'GET',
    path: '/v2.1/os-server-groups',
    policy: 'project',
    answer: Type.Object({ server_groups: Type.Array(Type.Unknown()) }),
    status: 200,
  }),
  createServerGroup: computeRoute({
    name: 'createServerGroup',
    method: 'POST',
    path: '/v2.1/os-server-groups',
    policy: 'member',
    status: 501,
  }),
} as const;
