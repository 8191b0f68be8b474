/** Flavors: what a server may be as large as. */
import { type Static, Type } from 'typebox';
import { Count, computeRoute, Flag, Listed, Name, Nullable, Strict } from './schema.ts';

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

const FlavorAnswer = Type.Object({ flavor: Type.Record(Type.String(), Type.Unknown()) });

export const flavorRoutes = {
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
} as const;
