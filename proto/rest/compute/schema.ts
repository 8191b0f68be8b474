/** What the routes of Compute have in common. */
import { type TSchema, Type } from 'typebox';
import { KiB } from '../../units.ts';
import { type Route, route } from '../route.ts';

/** Nova's own bound on a request (`osapi_max_request_body_size`). */
const bodyBytesMax = 112 * KiB;

export const computeRoute = <const R extends Omit<Route, 'api'>>(definition: R) =>
  route({ api: 'compute', bodyBytesMax, ...definition });

export const Strict = { additionalProperties: false } as const;
export const Nullable = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()]);
/** Neither blank nor with blanks at an end. */
export const Name = Type.String({ minLength: 1, maxLength: 255, pattern: '^\\S(.*\\S)?$' });
/** Clients send numbers as text too. */
export const Count = (minimum: number) =>
  Type.Union([Type.Integer({ minimum }), Type.String({ pattern: '^[0-9]+$', maxLength: 10 })]);
export const Flag = Type.Union([Type.Boolean(), Type.String({ maxLength: 5 })]);
export const Link = Type.Object({ href: Type.String(), rel: Type.String() });
export const DiskConfig = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')]);
export const Address = (format: 'ipv4' | 'ipv6') => Type.Union([Type.String({ format }), Type.Literal('')]);

export const Listed = Type.Object({ id: Type.String(), name: Type.String(), links: Type.Array(Link) });
