/** A server's metadata: its user's own keys and values. */
import { Type } from 'typebox';
import { computeRoute, Strict } from './schema.ts';

export const Metadata = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
  Type.String({ maxLength: 255 }),
  { additionalProperties: false },
);
const MetadataBody = Type.Object({ metadata: Metadata }, Strict);
const MetaBody = Type.Object({ meta: Metadata }, Strict);
const Meta = Type.Object({ meta: Type.Record(Type.String(), Type.String()) });
const MetadataAnswer = Type.Object({ metadata: Type.Record(Type.String(), Type.String()) });

export const metadataRoutes = {
  listMetadata: computeRoute({
    name: 'listMetadata',
    method: 'GET',
    path: '/v2.1/servers/:serverId/metadata',
    policy: 'project',
    answer: MetadataAnswer,
    status: 200,
  }),
  replaceMetadata: computeRoute({
    name: 'replaceMetadata',
    method: 'PUT',
    path: '/v2.1/servers/:serverId/metadata',
    policy: 'member',
    body: MetadataBody,
    answer: MetadataAnswer,
    status: 200,
  }),
  updateMetadata: computeRoute({
    name: 'updateMetadata',
    method: 'POST',
    path: '/v2.1/servers/:serverId/metadata',
    policy: 'member',
    body: MetadataBody,
    answer: MetadataAnswer,
    status: 200,
  }),
  showMetadataItem: computeRoute({
    name: 'showMetadataItem',
    method: 'GET',
    path: '/v2.1/servers/:serverId/metadata/:key',
    policy: 'project',
    answer: Meta,
    status: 200,
  }),
  setMetadataItem: computeRoute({
    name: 'setMetadataItem',
    method: 'PUT',
    path: '/v2.1/servers/:serverId/metadata/:key',
    policy: 'member',
    body: MetaBody,
    answer: Meta,
    status: 200,
  }),
  deleteMetadataItem: computeRoute({
    name: 'deleteMetadataItem',
    method: 'DELETE',
    path: '/v2.1/servers/:serverId/metadata/:key',
    policy: 'member',
    status: 204,
  }),
} as const;
