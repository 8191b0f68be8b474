/**
 * Which properties an image has, who may set them, and what they may hold. Glance's lists: `direct_url` and the
 * like belong to the service, `status` and the like follow from what happens, the rest is the owner's.
 */
import { ShoalError } from '../../proto/error.ts';
import { propertiesMax, propertyValueCharsMax, tagsMax, textCharsMax } from './limits.ts';
import type { ImageRow, Visibility } from './records.ts';

export const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const;
export const diskFormats = [
  'ami',
  'ari',
  'aki',
  'vhd',
  'vhdx',
  'vmdk',
  'raw',
  'qcow2',
  'vdi',
  'iso',
  'ploop',
] as const;
export const visibilities: readonly Visibility[] = ['community', 'public', 'private', 'shared'];

/** Never set by a client, at creation or later. */
const serviceProperties = ['direct_url', 'self', 'file', 'schema', 'stores'];
const derivedProperties = [
  'created_at',
  'updated_at',
  'status',
  'checksum',
  'size',
  'virtual_size',
  'os_hash_algo',
  'os_hash_value',
];
const reservedProperties = ['location', 'deleted', 'deleted_at'];
const reservedPrefix = 'os_glance';

const forbid = (message: string): never => {
  throw new ShoalError('FORBIDDEN', message);
};
const refuse = (name: string, wish: string): never => {
  throw new ShoalError(
    'BAD_REQUEST',
    `Provided object does not match schema 'image': ${JSON.stringify(name)} ${wish}`,
  );
};

/** Throws FORBIDDEN for what only the service sets. */
export const checkSettable = (name: string): void => {
  if (serviceProperties.includes(name) || derivedProperties.includes(name))
    forbid(`Attribute '${name}' is read-only.`);
  if (reservedProperties.includes(name) || name.startsWith(reservedPrefix))
    forbid(`Attribute '${name}' is reserved.`);
};

/** What a client may say about an image, checked. Absent: not said. */
export type Wishes = {
  -readonly [Key in
    | 'name'
    | 'owner'
    | 'visibility'
    | 'protected'
    | 'hidden'
    | 'containerFormat'
    | 'diskFormat'
    | 'minDiskGiB'
    | 'minRamMiB'
    | 'tags']?: ImageRow[Key];
};

const textOrNull = (name: string, value: unknown): string | null => {
  if (value === null) return null;
  if (typeof value !== 'string' || !value.isWellFormed()) return refuse(name, 'is a string or null');
  if ([...value].length > textCharsMax) return refuse(name, `has at most ${textCharsMax} characters`);
  return value;
};
const flag = (name: string, value: unknown): boolean =>
  typeof value === 'boolean' ? value : refuse(name, 'is true or false');
const count = (name: string, value: unknown): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 2_147_483_647
    ? value
    : refuse(name, 'is a whole number from 0 to 2147483647');
const oneOf = <T extends string>(name: string, value: unknown, values: readonly T[]): T =>
  values.find((candidate) => candidate === value) ??
  refuse(name, `is ${JSON.stringify(value)}, which is not one of ${values.join(', ')}`);

export const checkTag = (tag: unknown): string => {
  if (typeof tag !== 'string' || !tag.isWellFormed()) return refuse('tags', 'is a list of strings');
  if ([...tag].length > textCharsMax || tag === '')
    return refuse('tags', `has tags of 1 to ${textCharsMax} characters`);
  return tag;
};

const checkTags = (value: unknown): readonly string[] => {
  if (!Array.isArray(value)) return refuse('tags', 'is a list of strings');
  const tags = [...new Set(value.map(checkTag))];
  if (tags.length > tagsMax)
    throw new ShoalError(
      'TOO_LARGE',
      `The limit has been exceeded on the number of allowed image tags: ${tagsMax}`,
    );
  return tags;
};

const setters: Readonly<Record<string, (wishes: Wishes, value: unknown) => void>> = {
  name: (wishes, value) => {
    wishes.name = textOrNull('name', value);
  },
  owner: (wishes, value) => {
    wishes.owner = textOrNull('owner', value) ?? refuse('owner', 'is a project id');
  },
  visibility: (wishes, value) => {
    wishes.visibility = oneOf('visibility', value, visibilities);
  },
  protected: (wishes, value) => {
    wishes.protected = flag('protected', value);
  },
  os_hidden: (wishes, value) => {
    wishes.hidden = flag('os_hidden', value);
  },
  container_format: (wishes, value) => {
    wishes.containerFormat = value === null ? null : oneOf('container_format', value, containerFormats);
  },
  disk_format: (wishes, value) => {
    wishes.diskFormat = value === null ? null : oneOf('disk_format', value, diskFormats);
  },
  min_disk: (wishes, value) => {
    wishes.minDiskGiB = count('min_disk', value);
  },
  min_ram: (wishes, value) => {
    wishes.minRamMiB = count('min_ram', value);
  },
  tags: (wishes, value) => {
    wishes.tags = checkTags(value);
  },
};

export const isBaseProperty = (name: string): boolean =>
  name === 'id' || name === 'locations' || Object.hasOwn(setters, name);

/** Sets one of Glance's own properties. Throws BAD_REQUEST. */
export const setBase = (wishes: Wishes, name: string, value: unknown): void => setters[name]?.(wishes, value);

/** A property of the owner's own. Throws FORBIDDEN, BAD_REQUEST. */
export const checkProperty = (name: string, value: unknown): string => {
  checkSettable(name);
  if (name === '' || [...name].length > textCharsMax || !name.isWellFormed())
    throw new ShoalError(
      'BAD_REQUEST',
      `Custom property should not be greater than ${textCharsMax} characters.`,
    );
  if (typeof value !== 'string' || !value.isWellFormed()) return refuse(name, 'is a string');
  if (value.length > propertyValueCharsMax)
    return refuse(name, `has at most ${propertyValueCharsMax} characters`);
  return value;
};

export const checkPropertyCount = (properties: Readonly<Record<string, string>>): void => {
  const number = Object.keys(properties).length;
  if (number > propertiesMax)
    throw new ShoalError(
      'TOO_LARGE',
      `The limit has been exceeded on the number of allowed image properties. Attempted: ${number}, Maximum: ${propertiesMax}`,
    );
};

/** The body of a creation. Throws FORBIDDEN, BAD_REQUEST, TOO_LARGE. */
export const parseNewImage = (
  body: Readonly<Record<string, unknown>>,
): {
  readonly wishes: Wishes;
  readonly properties: Readonly<Record<string, string>>;
  readonly id?: unknown;
} => {
  const wishes: Wishes = {};
  const properties: Record<string, string> = {};
  for (const [name, value] of Object.entries(body)) {
    checkSettable(name);
    if (name === 'locations') forbid("It's not allowed to add locations if locations are invisible.");
    if (name === 'id') continue;
    if (isBaseProperty(name)) setBase(wishes, name, value);
    else properties[name] = checkProperty(name, value);
  }
  checkPropertyCount(properties);
  return { wishes, properties, ...('id' in body ? { id: body.id } : {}) };
};
