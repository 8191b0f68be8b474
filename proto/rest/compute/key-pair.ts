/** Key pairs: public keys that a server's user is let in by. */
import { type Static, Type } from 'typebox';
import { KiB } from '../../units.ts';
import { computeRoute, Nullable, Strict } from './schema.ts';

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

const KeyPairAnswer = Type.Object({ keypair: Type.Record(Type.String(), Type.Unknown()) });

export const keyPairRoutes = {
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
} as const;
