/**
 * Glance's JSON patch, both media types: 2.1 has `{"op", "path", "value"}`, 2.0 has `{"add": path, "value"}`. Paths
 * name one property each (`~1` is a slash, `~0` a tilde).
 */
import { ShoalError } from '../../proto/error.ts';
import { textOf } from '../base/text.ts';
import {
  checkProperty,
  checkPropertyCount,
  checkSettable,
  isBaseProperty,
  setBase,
  type Wishes,
} from './properties.ts';
import type { ImageRow } from './records.ts';

const patchTypes = {
  'application/openstack-images-v2.0-json-patch': 4,
  'application/openstack-images-v2.1-json-patch': 10,
} as const;
export type PatchDraft = (typeof patchTypes)[keyof typeof patchTypes];

const operations = ['add', 'remove', 'replace'] as const;

export interface Change {
  readonly op: (typeof operations)[number];
  readonly name: string;
  readonly value?: unknown;
}

const refuse = (message: string): never => {
  throw new ShoalError('BAD_REQUEST', message);
};

/** Throws UNSUPPORTED_MEDIA. */
export const patchDraft = (contentType: string | undefined): PatchDraft => {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  for (const [known, draft] of Object.entries(patchTypes)) if (known === type) return draft;
  throw new ShoalError(
    'UNSUPPORTED_MEDIA',
    `Image PATCH expects Content-Type one of: ${Object.keys(patchTypes).join(', ')}`,
  );
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parsePointer = (pointer: unknown): string => {
  if (typeof pointer !== 'string' || !pointer.startsWith('/'))
    return refuse(`Pointer \`${textOf(pointer)}\` does not start with "/".`);
  if (/\/\s*\//.test(pointer.slice(1))) return refuse(`Pointer \`${pointer}\` contains adjacent "/".`);
  if (pointer.length > 1 && pointer.endsWith('/')) return refuse(`Pointer \`${pointer}\` end with "/".`);
  if (/~([^01]|$)/.test(pointer))
    return refuse(`Pointer \`${pointer}\` contains "~" not part of a recognized escape sequence.`);
  const parts = pointer
    .replace(/^\/+/, '')
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~').trim());
  const [name = ''] = parts;
  if (name === 'locations')
    throw new ShoalError('FORBIDDEN', "It's not allowed to update locations if locations are invisible.");
  if (parts.length !== 1 || name === '')
    return refuse(`Invalid JSON pointer for this resource: '/${parts.join('/')}'`);
  return name;
};

const operationOf = (
  raw: Record<string, unknown>,
  draft: PatchDraft,
): { op: Change['op']; pointer: unknown } => {
  const available = operations.join(', ');
  if (draft === 4) {
    const given = operations.filter((op) => op in raw);
    const [op] = given;
    if (!op || given.length > 1)
      return refuse('Operation objects must contain exactly one member named "add", "remove", or "replace".');
    return { op, pointer: raw[op] };
  }
  const op = operations.find((candidate) => candidate === raw.op);
  if (!op)
    return refuse(`Invalid operation: \`${textOf(raw.op)}\`. It must be one of the following: ${available}.`);
  if (!('path' in raw)) return refuse("Unable to find 'path' in JSON Schema change");
  return { op, pointer: raw.path };
};

/** Throws BAD_REQUEST, FORBIDDEN. */
export const parsePatch = (body: readonly unknown[], draft: PatchDraft): readonly Change[] =>
  body.map((raw) => {
    if (!isObject(raw)) return refuse('Operations must be JSON objects.');
    const { op, pointer } = operationOf(raw, draft);
    const name = parsePointer(pointer);
    checkSettable(name);
    if (name === 'id') throw new ShoalError('FORBIDDEN', "Attribute 'id' is read-only.");
    if (op === 'remove') return { op, name };
    if (!('value' in raw)) return refuse(`Operation "${op}" requires a member named "value".`);
    if (!isBaseProperty(name)) checkProperty(name, raw.value);
    else setBase({}, name, raw.value);
    return { op, name, value: raw.value };
  });

/** Pure: the row after all changes, in their order. Throws CONFLICT, FORBIDDEN, TOO_LARGE, BAD_REQUEST. */
export const applyPatch = (row: ImageRow, changes: readonly Change[], draft: PatchDraft): ImageRow => {
  const wishes: Wishes = {};
  const properties: Record<string, string> = { ...row.properties };
  for (const { op, name, value } of changes) {
    const base = isBaseProperty(name);
    const exists = base || Object.hasOwn(properties, name);
    if (op === 'remove') {
      if (base) throw new ShoalError('FORBIDDEN', `Property ${name} may not be removed.`);
      if (!exists) throw new ShoalError('CONFLICT', `Property ${name} does not exist.`);
      delete properties[name];
      continue;
    }
    if (op === 'replace' && !exists) throw new ShoalError('CONFLICT', `Property ${name} does not exist.`);
    if (op === 'add' && exists && draft === 4)
      throw new ShoalError('CONFLICT', `Property ${name} already present.`);
    if (base) setBase(wishes, name, value);
    else properties[name] = checkProperty(name, value);
  }
  checkPropertyCount(properties);
  return { ...row, ...wishes, properties };
};
