/** Servers: made, shown, changed, acted on, deleted. */
import { type Static, Type } from 'typebox';
import { Metadata } from './metadata.ts';
import {
  Address,
  Count,
  computeRoute,
  DiskConfig,
  Flag,
  Link,
  Listed,
  Name,
  Nullable,
  Strict,
} from './schema.ts';

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

const ServerAnswer = Type.Object({ server: Type.Record(Type.String(), Type.Unknown()) });

export const serverRoutes = {
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
} as const;
