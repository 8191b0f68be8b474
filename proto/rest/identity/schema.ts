/** What the routes of Identity v3 have in common. */
import { type TProperties, type TSchema, Type } from 'typebox';
import { KiB } from '../../units.ts';
import { type Method, route } from '../route.ts';

/** Keystone's own bound on a request (`max_request_body_size`). */
export const bodyBytesMax = 112 * KiB;

export const Nullable = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()]);
export const maybe = <T extends TSchema>(type: T) => Type.Optional(Nullable(type));
export const Links = Type.Object({ self: Type.String() });
export const ListLinks = Type.Object({
  self: Type.String(),
  next: Type.Union([Type.String(), Type.Null()]),
  previous: Type.Null(),
});
export const strict = { additionalProperties: false } as const;

/** Not only blanks. Columns of Keystone's database: 64 for projects and domains, 255 elsewhere. */
export const Name = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '\\S' });
export const Id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' });
export const Tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' });
export const Tags = Type.Array(Tag, { maxItems: 80, uniqueItems: true });

export const Ref = Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });
export const RefInDomain = { ...Ref.properties, domain: Type.Optional(Ref) };
export const NamedRef = Type.Object({ id: Type.String(), name: Type.String() });
export const NamedRefInDomain = Type.Object({ id: Type.String(), name: Type.String(), domain: NamedRef });

/** `{ [key]: value }` that keeps the key's literal type. */
export const only = <Key extends string, Value>(key: Key, value: Value) =>
  ({ [key]: value }) as Record<Key, Value>;

/** A list under its plural, with links. */
export const ListOf = <Key extends string, Shown extends TSchema>(many: Key, shown: Shown) =>
  Type.Object({ ...only(many, Type.Array(shown)), links: ListLinks });

/** All calls of identity but the public ones take a token; who may what is `agent/identity/policy.ts`. */
const base = { api: 'identity', policy: 'token' } as const;

export const read = <Answer extends TSchema>(name: string, path: string, answer: Answer) =>
  route({ ...base, name, method: 'GET', path, answer, status: 200 });

/** A call without a body in either direction. */
export const act = <const M extends Method>(name: string, method: M, path: string) =>
  route({ ...base, name, method, path, status: 204 });

export const send = <const M extends Method, Body extends TSchema, Answer extends TSchema>(
  name: string,
  method: M,
  path: string,
  body: Body,
  answer: Answer,
  status = method === 'POST' ? 201 : 200,
) => route({ ...base, name, method, path, body, answer, status, bodyBytesMax });

/** A HEAD of its own: GET of the same path answers with a body and another status. */
export const check = (name: string, path: string) => act(name, 'HEAD', path);

/**
 * The five calls of a collection; the envelope has the singular name.
 * @param created,changed the fields that the two bodies take beside those that are kept as they are.
 */
export const collection = <
  One extends string,
  Many extends string,
  Created extends TProperties,
  Changed extends TProperties,
  Shown extends TSchema,
>(
  { one, many, title, titles }: { one: One; many: Many; title: string; titles: string },
  created: Created,
  changed: Changed,
  shown: Shown,
) => {
  const path = `/v3/${many}`;
  const memberPath = `${path}/:${one.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())}Id`;
  const envelope = Type.Object(only(one, shown));
  return {
    list: read(`list${titles}`, path, ListOf(many, shown)),
    create: send(
      `create${title}`,
      'POST',
      path,
      Type.Object(only(one, Type.Object(created)), strict),
      envelope,
    ),
    show: read(`show${title}`, memberPath, envelope),
    update: send(
      `update${title}`,
      'PATCH',
      memberPath,
      Type.Object(only(one, Type.Object(changed, { minProperties: 1 })), strict),
      envelope,
    ),
    remove: act(`delete${title}`, 'DELETE', memberPath),
  };
};
