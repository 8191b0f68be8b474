/** Flavors and key pairs over HTTP. */
import { ShoalError } from '../../proto/error.ts';
import { newUuid } from '../../proto/ids.ts';
import type { computeRoutes } from '../../proto/rest/compute.ts';
import { textOf } from '../base/text.ts';
import { isAdmin, principalOf } from '../http/port.ts';
import { isTrue, param, record, type Serve } from './context.ts';
import type { Flavor } from './records.ts';
import { viewFlavor, viewFlavorBrief, viewKeyPair, viewKeyPairBrief } from './server-view.ts';

type Routes = typeof computeRoutes;

/** Smallest first; then paged by `limit` and `marker`, cut by `minRam` and `minDisk` (Nova's names). */
const pick = (flavors: readonly Flavor[], query: URLSearchParams, seesAll: boolean): readonly Flavor[] => {
  const number = (name: string, otherwise: number): number => {
    const text = query.get(name);
    if (text === null) return otherwise;
    if (!/^\d+$/.test(text)) throw new ShoalError('BAD_REQUEST', `Invalid ${name} filter [${text}]`);
    return Number(text);
  };
  const [minRam, minDisk] = [number('minRam', 0), number('minDisk', 0)];
  const sorted = flavors
    .filter(({ isPublic }) => seesAll || isPublic)
    .sort((a, b) => a.memoryMiB - b.memoryMiB || a.vcpus - b.vcpus || (a.id < b.id ? -1 : 1));
  const marker = query.get('marker');
  const from = marker === null ? 0 : sorted.findIndex(({ id }) => id === marker) + 1;
  if (marker !== null && from === 0) throw new ShoalError('BAD_REQUEST', `marker [${marker}] not found`);
  return sorted
    .slice(from)
    .filter(({ memoryMiB, diskGiB }) => memoryMiB >= minRam && diskGiB >= minDisk)
    .slice(0, number('limit', Number.POSITIVE_INFINITY));
};

export const listFlavors: Serve = async ({ flavors }, request) => {
  const found = pick(await flavors.list(), request.query, isAdmin(principalOf(request)));
  return { body: { flavors: found.map((flavor) => viewFlavorBrief(flavor, request.origin)) } };
};

export const listFlavorsDetail: Serve = async ({ flavors }, request) => {
  const found = pick(await flavors.list(), request.query, isAdmin(principalOf(request)));
  return { body: { flavors: found.map((flavor) => viewFlavor(flavor, request.origin)) } };
};

export const showFlavor: Serve = async ({ flavors }, request) => ({
  body: { flavor: viewFlavor(await flavors.show(param(request, 'flavorId')), request.origin) },
});

export const listExtraSpecs: Serve = async ({ flavors }, request) => ({
  body: { extra_specs: (await flavors.show(param(request, 'flavorId'))).extraSpecs },
});

export const createFlavor: Serve<Routes['createFlavor']> = async (context, request) => {
  const { flavor: wish } = request.body;
  const id = wish.id === undefined || wish.id === null || wish.id === 'auto' ? newUuid() : textOf(wish.id);
  if (!/^[\w. -]+$/.test(id) || id.trim() !== id)
    throw new ShoalError('BAD_REQUEST', `Invalid input for field/attribute id. Value: ${id}.`);
  if (Number(wish['OS-FLV-EXT-DATA:ephemeral'] ?? 0) > 0 || Number(wish.swap ?? 0) > 0)
    throw new ShoalError(
      'BAD_REQUEST',
      'Cannot make the flavor: servers have one disk yet, no ephemeral or swap one',
    );
  const flavor = await context.flavors.create({
    id,
    name: wish.name,
    vcpus: Number(wish.vcpus),
    memoryMiB: Number(wish.ram),
    diskGiB: Number(wish.disk),
    ephemeralGiB: 0,
    swapMiB: 0,
    isPublic: wish['os-flavor-access:is_public'] === undefined || isTrue(wish['os-flavor-access:is_public']),
    description: null,
    extraSpecs: {},
  });
  record(context, request, 'flavor.create', id, { name: flavor.name });
  return { body: { flavor: viewFlavor(flavor, request.origin) } };
};

export const deleteFlavor: Serve = async (context, request) => {
  const id = param(request, 'flavorId');
  await context.flavors.delete(id);
  record(context, request, 'flavor.delete', id);
  return {};
};

export const listKeyPairs: Serve = async ({ keyPairs }, request, { minor }) => {
  const found = await keyPairs.list(principalOf(request).user.id);
  return { body: { keypairs: found.map((pair) => ({ keypair: viewKeyPairBrief(pair, minor >= 2) })) } };
};

export const showKeyPair: Serve = async ({ keyPairs }, request, { minor }) => {
  const userId = principalOf(request).user.id;
  return {
    body: { keypair: viewKeyPair(await keyPairs.show(userId, param(request, 'name')), userId, minor >= 2) },
  };
};

export const createKeyPair: Serve<Routes['createKeyPair']> = async (context, request, { minor }) => {
  const { name, public_key: publicKey, type, user_id } = request.body.keypair;
  const userId = principalOf(request).user.id;
  if (user_id !== undefined || (type !== undefined && minor < 2))
    throw new ShoalError('BAD_REQUEST', 'Cannot read the key pair: this version takes name and public_key');
  if (type !== undefined && type !== 'ssh')
    throw new ShoalError('BAD_REQUEST', `Cannot make a key pair of type ${type}: only ssh is served`);
  const { keyPair, privateKey } = await context.keyPairs.create(userId, {
    name,
    ...(publicKey !== undefined && publicKey !== null && { publicKey }),
  });
  record(context, request, 'keypair.create', name);
  const keypair = {
    ...viewKeyPairBrief(keyPair, minor >= 2),
    user_id: userId,
    ...(privateKey !== undefined && { private_key: privateKey }),
  };
  return { status: minor >= 2 ? 201 : 200, body: { keypair } };
};

export const deleteKeyPair: Serve = async (context, request, { minor }) => {
  const name = param(request, 'name');
  await context.keyPairs.delete(principalOf(request).user.id, name);
  record(context, request, 'keypair.delete', name);
  return { status: minor >= 2 ? 204 : 202 };
};
