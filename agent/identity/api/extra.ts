/** Fields that Keystone keeps for its clients without a meaning of its own, e.g. a user's `email`; and options. */
import { badRequest } from '../error.ts';
import type { Extra, Options } from '../records.ts';

/** What the server says itself and a client may send back unchanged. */
const served = ['id', 'links', 'password_expires_at'];

export const extraOf = (asked: object, own: readonly string[]): Extra =>
  Object.fromEntries(Object.entries(asked).filter(([name]) => !own.includes(name) && !served.includes(name)));

/** A field that is set once. Sending what it is already changes nothing. */
export const mustStay = (field: string, wanted: unknown, present: unknown): void => {
  if (wanted !== undefined && wanted !== null && wanted !== present)
    throw badRequest(`Update of \`${field}\` is not allowed.`);
};

/** Null takes an option away. */
export const withOptions = (present: Options | undefined, asked: Options | undefined): Options =>
  Object.fromEntries(Object.entries({ ...present, ...asked }).filter(([, value]) => value !== null));
