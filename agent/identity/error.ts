/** Keystone's own sentences. Clients and their tests know them. */
import { ShoalError } from '../../proto/error.ts';

/** One answer for every failed login, so that it tells nothing about why. */
export const unauthorized = (message = 'The request you have made requires authentication.'): ShoalError =>
  new ShoalError('NOT_AUTHENTICATED', message);

export const forbidden = (action: string): ShoalError =>
  new ShoalError('FORBIDDEN', `You are not authorized to perform the requested action: ${action}.`);

export const notFound = (kind: string, id: string): ShoalError =>
  new ShoalError('NOT_FOUND', `Could not find ${kind}: ${id}.`, { details: { kind, id } });

export const conflict = (kind: string, details: string): ShoalError =>
  new ShoalError('CONFLICT', `Conflict occurred attempting to store ${kind} - ${details}.`, {
    details: { kind },
  });

export const badRequest = (message: string): ShoalError => new ShoalError('BAD_REQUEST', message);

export const expecting = (attribute: string, target: string): ShoalError =>
  badRequest(
    `Expecting to find ${attribute} in ${target}. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`,
  );
