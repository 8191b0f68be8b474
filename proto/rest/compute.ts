/**
 * Compute v2.1 (Nova): https://docs.openstack.org/api-ref/compute/
 * What is served and what is not: docs/api/compute.md. The same routes stand under /v2, as at Nova.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { KiB } from '../units.ts';
import { type Route, route } from './route.ts';

/** Nova's own bound on a request (`osapi_max_request_body_size`). */
const bodyBytesMax = 112 * KiB;

const computeRoute = <const R extends Omit<Route, 'api'>>(definition: R) =>
  route({ api: 'compute', bodyBytesMax, ...definition });

const Strict = { additionalProperties: false } as const;
const Nullable = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()]);
/** Neither blank nor with blanks at an end. */
const Name = Type.String({ minLength: 1, maxLength: 255, pattern: '^\\S(.*\\S)?$' });
/** Clients send numbers as text too. */
const Count = (minimum: number) =>
  Type.Union([Type.Integer({ minimum }), Type.String({ pattern: '^[0-9]+$', maxLength: 10 })]);
const Flag = Type.Union([Type.Boolean(), Type.String({ maxLength: 5 })]);
const Link = Type.Object({ href: Type.String(), rel: Type.String() });
const Metadata = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
  Type.String({ maxLength: 255 }),
  { additionalProperties: false },
);
const MetadataBody = Type.Object({ metadata: Metadata }, Strict);
const MetaBody = Type.Object({ meta: Metadata }, Strict);
const Meta = Type.Object({ meta: Type.Record(Type.String(), Type.String()) });
const MetadataAnswer = Type.Object({ metadata: Type.Record(Type.String(), Type.String()) });
const DiskConfig = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')]);
const Address = (format: 'ipv4' | 'ipv6') => Type.Union([Type.String({ format }), Type.Literal('')]);

const BlockDevice = Type.Object({
  uuid: Type.Optional(Nullable(Type.String())),
  source_type: Type.Optional(Type.String()),
  destination_type: Type.Optional(Type.String()),
  boot_index: Type.Optional(Nullable(Type.Union([Type.Integer(), Type.String()]))),
});

export const CreateServer = Type.Object(
  {
    server: Type.Object(
      {
        name: Name,
        imageRef: Type.Optional(Type.String({ maxLength: 255 })),
        flavorRef: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer()]),
        key_name: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
        user_data: Type.Optional(Nullable(Type.String({ maxLength: 65535 }))),
        metadata: Type.Optional(Metadata),
        config_drive: Type.Optional(Nullable(Flag)),
        min_count: Type.Optional(Count(1)),
        max_count: Type.Optional(Count(1)),
        return_reservation_id: Type.Optional(Flag),
        availability_zone: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
        adminPass: Type.Optional(Type.String({ maxLength: 255 })),
        accessIPv4: Type.Optional(Address('ipv4')),
        accessIPv6: Type.Optional(Address('ipv6')),
        security_groups: Type.Optional(
          Type.Array(Type.Object({ name: Type.Optional(Type.String({ maxLength: 255 })) }, Strict)),
        ),
        networks: Type.Optional(
          Type.Union([
            Type.Literal('auto'),
            Type.Literal('none'),
            Type.Array(
              Type.Object(
                {
                  uuid: Type.Optional(Type.String()),
                  port: Type.Optional(Nullable(Type.String())),
                  fixed_ip: Type.Optional(Type.String()),
                },
                Strict,
              ),
            ),
          ]),
        ),
        block_device_mapping: Type.Optional(Type.Array(Type.Unknown())),
        block_device_mapping_v2: Type.Optional(Type.Array(BlockDevice)),
        'OS-DCF:diskConfig': Type.Optional(DiskConfig),
        personality: Type.Optional(Type.Array(Type.Unknown())),
      },
      Strict,
    ),
    'os:scheduler_hints': Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    'OS-SCH-HNT:scheduler_hints': Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  Strict,
);
export type CreateServer = Static<typeof CreateServer>;

export const UpdateServer = Type.Object(
  {
    server: Type.Object(
      {
        name: Type.Optional(Name),
        accessIPv4: Type.Optional(Address('ipv4')),
        accessIPv6: Type.Optional(Address('ipv6')),
        'OS-DCF:diskConfig': Type.Optional(DiskConfig),
      },
      Strict,
    ),
  },
  Strict,
);
export type UpdateServer = Static<typeof UpdateServer>;

/** Exactly one key: the action's name. */
export const ServerAction = Type.Record(Type.String(), Type.Unknown(), {
  minProperties: 1,
  maxProperties: 1,
});

export const CreateFlavor = Type.Object(
  {
    flavor: Type.Object(
      {
        name: Name,
        id: Type.Optional(Nullable(Type.Union([Type.String({ maxLength: 255 }), Type.Integer()]))),
        ram: Count(1),
        vcpus: Count(1),
        disk: Count(0),
        'OS-FLV-EXT-DATA:ephemeral': Type.Optional(Count(0)),
        swap: Type.Optional(Count(0)),
        rxtx_factor: Type.Optional(Type.Union([Type.Number(), Type.String({ maxLength: 30 })])),
        'os-flavor-access:is_public': Type.Optional(Flag),
      },
      Strict,
    ),
  },
  Strict,
);
export type CreateFlavor = Static<typeof CreateFlavor>;

export const CreateKeyPair = Type.Object(
  {
    keypair: Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 255 }),
        public_key: Type.Optional(Nullable(Type.String({ maxLength: 16 * KiB }))),
        type: Type.Optional(Type.String()),
        user_id: Type.Optional(Type.String()),
      },
      Strict,
    ),
  },
  Strict,
);
export type CreateKeyPair = Static<typeof CreateKeyPair>;

const Listed = Type.Object({ id: Type.String(), name: Type.String(), links: Type.Array(Link) });
const ServerAnswer = Type.Object({ server: Type.Record(Type.String(), Type.Unknown()) });
const FlavorAnswer = Type.Object({ flavor: Type.Record(Type.String(), Type.Unknown()) });
const KeyPairAnswer = Type.Object({ keypair: Type.Record(Type.String(), Type.Unknown()) });

export const computeRoutes = {
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

  listFlavors: computeRoute({
    name: 'listFlavors',
    method: 'GET',
    path: '/v2.1/flavors',
    policy: 'token',
    answer: Type.Object({ flavors: Type.Array(Listed) }),
    status: 200,
  }),
  listFlavorsDetail: computeRoute({
    name: 'listFlavorsDetail',
    method: 'GET',
    path: '/v2.1/flavors/detail',
    policy: 'token',
    answer: Type.Object({ flavors: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
    status: 200,
  }),
  showFlavor: computeRoute({
    name: 'showFlavor',
    method: 'GET',
    path: '/v2.1/flavors/:flavorId',
    policy: 'token',
    answer: FlavorAnswer,
    status: 200,
  }),
  createFlavor: computeRoute({
    name: 'createFlavor',
    method: 'POST',
    path: '/v2.1/flavors',
    policy: 'admin',
    body: CreateFlavor,
    answer: FlavorAnswer,
    status: 200,
  }),
  deleteFlavor: computeRoute({
    name: 'deleteFlavor',
    method: 'DELETE',
    path: '/v2.1/flavors/:flavorId',
    policy: 'admin',
    status: 202,
  }),
  listExtraSpecs: computeRoute({
    name: 'listExtraSpecs',
    method: 'GET',
    path: '/v2.1/flavors/:flavorId/os-extra_specs',
    policy: 'token',
    answer: Type.Object({ extra_specs: Type.Record(Type.String(), Type.String()) }),
    status: 200,
  }),

  listKeyPairs: computeRoute({
    name: 'listKeyPairs',
    method: 'GET',
    path: '/v2.1/os-keypairs',
    policy: 'token',
    answer: Type.Object({ keypairs: Type.Array(KeyPairAnswer) }),
    status: 200,
  }),
  createKeyPair: computeRoute({
    name: 'createKeyPair',
    method: 'POST',
    path: '/v2.1/os-keypairs',
    policy: 'token',
    body: CreateKeyPair,
    answer: KeyPairAnswer,
    status: 200,
  }),
  showKeyPair: computeRoute({
    name: 'showKeyPair',
    method: 'GET',
    path: '/v2.1/os-keypairs/:name',
    policy: 'token',
    answer: KeyPairAnswer,
    status: 200,
  }),
  deleteKeyPair: computeRoute({
    name: 'deleteKeyPair',
    method: 'DELETE',
    path: '/v2.1/os-keypairs/:name',
    policy: 'token',
    status: 202,
  }),

  listServers: computeRoute({
    name: 'listServers',
    method: 'GET',
    path: '/v2.1/servers',
    policy: 'project',
    answer: Type.Object({ servers: Type.Array(Listed), servers_links: Type.Optional(Type.Array(Link)) }),
    status: 200,
  }),
  listServersDetail: computeRoute({
    name: 'listServersDetail',
    method: 'GET',
    path: '/v2.1/servers/detail',
    policy: 'project',
    answer: Type.Object({
      servers: Type.Array(Type.Record(Type.String(), Type.Unknown())),
      servers_links: Type.Optional(Type.Array(Link)),
    }),
    status: 200,
  }),
  createServer: computeRoute({
    name: 'createServer',
    method: 'POST',
    path: '/v2.1/servers',
    policy: 'member',
    body: CreateServer,
    status: 202,
  }),
  showServer: computeRoute({
    name: 'showServer',
    method: 'GET',
    path: '/v2.1/servers/:serverId',
    policy: 'project',
    answer: ServerAnswer,
    status: 200,
  }),
  updateServer: computeRoute({
    name: 'updateServer',
    method: 'PUT',
    path: '/v2.1/servers/:serverId',
    policy: 'member',
    body: UpdateServer,
    answer: ServerAnswer,
    status: 200,
  }),
  deleteServer: computeRoute({
    name: 'deleteServer',
    method: 'DELETE',
    path: '/v2.1/servers/:serverId',
    policy: 'member',
    status: 204,
  }),
  actOnServer: computeRoute({
    name: 'actOnServer',
    method: 'POST',
    path: '/v2.1/servers/:serverId/action',
    policy: 'member',
    body: ServerAction,
    status: 202,
  }),
  listAddresses: computeRoute({
    name: 'listAddresses',
    method: 'GET',
    path: '/v2.1/servers/:serverId/ips',
    policy: 'project',
    answer: Type.Object({ addresses: Type.Record(Type.String(), Type.Unknown()) }),
    status: 200,
  }),
  showAddresses: computeRoute({
    name: 'showAddresses',
    method: 'GET',
    path: '/v2.1/servers/:serverId/ips/:network',
    policy: 'project',
    status: 200,
  }),

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
