/** What Compute says of itself: versions, extensions, and how much of all a project may have. */
import { Type } from 'typebox';
import { computeRoute } from './schema.ts';

export const aboutRoutes = {
  listVersions: computeRoute({
    name: 'listVersions',
    method: 'GET',
    path: '',
    policy: 'public',
    answer: Type.Object({ versions: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
    status: 200,
  }),
  showVersion: computeRoute({
    name: 'showVersion',
    method: 'GET',
    path: '/v2.1',
    policy: 'public',
    answer: Type.Object({ version: Type.Record(Type.String(), Type.Unknown()) }),
    status: 200,
  }),
  showLimits: computeRoute({
    name: 'showLimits',
    method: 'GET',
    path: '/v2.1/limits',
    policy: 'project',
    answer: Type.Object({ limits: Type.Record(Type.String(), Type.Unknown()) }),
    status: 200,
  }),
  showQuotas: computeRoute({
    name: 'showQuotas',
    method: 'GET',
    path: '/v2.1/os-quota-sets/:projectId',
    policy: 'project',
    answer: Type.Object({ quota_set: Type.Record(Type.String(), Type.Unknown()) }),
    status: 200,
  }),
  showDefaultQuotas: computeRoute({
    name: 'showDefaultQuotas',
    method: 'GET',
    path: '/v2.1/os-quota-sets/:projectId/defaults',
    policy: 'project',
    answer: Type.Object({ quota_set: Type.Record(Type.String(), Type.Unknown()) }),
    status: 200,
  }),
  listExtensions: computeRoute({
    name: 'listExtensions',
    method: 'GET',
    path: '/v2.1/extensions',
    policy: 'token',
    status: 200,
  }),
  showExtension: computeRoute({
    name: 'showExtension',
    method: 'GET',
    path: '/v2.1/extensions/:alias',
    policy: 'token',
    status: 200,
  }),
} as const;
