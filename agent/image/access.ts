/** Who sees and who changes an image. Strangers cannot tell one that is hidden from them from one that is not there. */
import { ShoalError } from '../../proto/error.ts';
import { isAdmin, type Principal } from '../http/port.ts';
import type { ImageRow } from './records.ts';

export const projectIdOf = (principal: Principal): string | null =>
  principal.scope.kind === 'project' ? principal.scope.id : null;

export const noImage = (id: string): ShoalError =>
  new ShoalError('NOT_FOUND', `No image found with ID ${id}`);

export const isOwner = (principal: Principal, row: ImageRow): boolean => projectIdOf(principal) === row.owner;

/** By id. A community image is listed only when asked for, but anyone who knows it may use it. */
export const maySee = (principal: Principal, row: ImageRow): boolean =>
  row.status !== 'deleted' &&
  (isAdmin(principal) ||
    isOwner(principal, row) ||
    row.visibility === 'public' ||
    row.visibility === 'community');

/** Throws NOT_FOUND where it may not even be seen, else FORBIDDEN. */
export const checkMayChange = (principal: Principal, row: ImageRow): void => {
  if (!maySee(principal, row)) throw noImage(row.id);
  if (!isAdmin(principal) && !isOwner(principal, row))
    throw new ShoalError(
      'FORBIDDEN',
      `You are not permitted to modify image ${row.id}: it belongs to another project.`,
    );
};

/** What the new row says that only an admin may say. `old` is absent at creation. */
export const checkMaySay = (principal: Principal, row: ImageRow, old: ImageRow | undefined): void => {
  if (isAdmin(principal)) return;
  if (row.visibility === 'public' && old?.visibility !== 'public')
    throw new ShoalError('FORBIDDEN', 'Cannot make the image public: it takes the role admin.');
  if (row.owner !== (old?.owner ?? projectIdOf(principal)))
    throw new ShoalError(
      'FORBIDDEN',
      old
        ? "Owner can't be updated by non admin."
        : `You are not permitted to create images owned by '${row.owner}'.`,
    );
};
