/** Servers as their users change them: every request is one change of the record, then a poke to its host. */
import { ShoalError } from '../../proto/error.ts';
import { isAdmin, type Principal } from '../http/port.ts';
import type { Members } from '../membership/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { walkRows } from '../table/walk-rows.ts';
import type { HostCalls } from './host-calls.ts';
import { metadataItemsMax, serversPerProjectMax, walkPageRows } from './limits.ts';
import { bootKey, indexPartition, indexPartitions, type Records, type Server } from './records.ts';
import { applyDelete, applyRequest, type RequestName } from './server-state.ts';

export type Metadata = Readonly<Record<string, string>>;

export interface Servers {
  /** Throws NOT_FOUND, also for what the caller may not see. */
  show(principal: Principal, id: string): Promise<Server>;
  /** In no order. */
  listProject(projectId: string): Promise<readonly Server[]>;
  listAll(): Promise<readonly Server[]>;
  /** Throws NOT_FOUND, CONFLICT. */
  request(principal: Principal, id: string, name: RequestName): Promise<Server>;
  update(principal: Principal, id: string, change: (server: Server) => Server): Promise<Server>;
  /** Throws FORBIDDEN when it would have too many items. */
  setMetadata(principal: Principal, id: string, next: (metadata: Metadata) => Metadata): Promise<Metadata>;
  delete(principal: Principal, id: string): Promise<Server>;
  /** The newest bytes of its console. */
  console(principal: Principal, id: string): Promise<string>;
}

export const projectOf = ({ scope }: Principal): string => {
  if (scope.kind === 'project') return scope.id;
  throw new ShoalError('FORBIDDEN', 'Cannot do this without a token that is scoped to a project');
};

const missing = (id: string): ShoalError => new ShoalError('NOT_FOUND', `Instance ${id} could not be found.`);
const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

export const openServers = (parts: {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly members: Members;
  readonly hosts: HostCalls;
}): Servers => {
  const { records, members, hosts } = parts;
  const nowMs = (): number => parts.runtime.clock.wallMs();

  const show = async (principal: Principal, id: string): Promise<Server> => {
    if (!isUuid(id)) throw missing(id);
    const own = await records.servers.get(projectOf(principal), id);
    if (own) return own;
    const ref = isAdmin(principal) ? await records.index.get(indexPartition(id), id) : undefined;
    const other = ref && (await records.servers.get(ref.projectId, id));
    if (!other) throw missing(id);
    return other;
  };

  const change = async (
    principal: Principal,
    id: string,
    next: (server: Server) => Server | undefined,
  ): Promise<{ readonly before: Server; readonly after: Server | undefined }> => {
    const { projectId } = await show(principal, id);
    let before: Server | undefined;
    const after = await records.servers.change(projectId, id, (current) => {
      if (!current) throw missing(id);
      before = current;
      return next(current);
    });
    if (!before) throw missing(id);
    return { before, after };
  };

  const update: Servers['update'] = async (principal, id, next) => {
    const { after } = await change(principal, id, (server) => {
      const changed = next(server);
      return changed === server ? server : { ...changed, updatedAtMs: nowMs() };
    });
    if (!after) throw missing(id);
    return after;
  };

  const readAll = async (projectId: string): Promise<Server[]> => {
    const found: Server[] = [];
    for await (const { row } of walkRows(records.servers, projectId, { limit: walkPageRows })) {
      found.push(row);
      // Creation may pass its bound by what is under way at once; the walk ends all the same.
      if (found.length === 2 * serversPerProjectMax) break;
    }
    return found;
  };

  /** A host that is gone cannot say that the machine ended; it does so when it comes back and finds no record. */
  const isGone = (host: string | null): boolean => {
    if (host === null) return true;
    const member = members.list().find(({ hostId }) => hostId === host);
    return !member || member.state === 'dead' || member.state === 'left';
  };

  return {
    show,
    update,
    listProject: readAll,
    async listAll() {
      const projects = new Set<string>();
      for (const partition of indexPartitions) {
        for await (const { row } of walkRows(records.index, partition, { limit: walkPageRows }))
          projects.add(row.projectId);
      }
      const lists: Server[] = [];
      for (const project of projects) lists.push(...(await readAll(project)));
      return lists;
    },
    async request(principal, id, name) {
      const { after } = await change(principal, id, (server) => applyRequest(server, name, nowMs()));
      if (!after) throw missing(id);
      if (after.host !== null) hosts.poke(after.host, id);
      return after;
    },
    async setMetadata(principal, id, next) {
      const server = await update(principal, id, (current) => {
        const metadata = next(current.metadata);
        if (Object.keys(metadata).length > metadataItemsMax)
          throw new ShoalError('FORBIDDEN', `Maximum number of metadata items exceeds ${metadataItemsMax}`);
        return { ...current, metadata };
      });
      return server.metadata;
    },
    async delete(principal, id) {
      const { before, after } = await change(principal, id, (server) =>
        isGone(server.host) ? undefined : applyDelete(server, nowMs()),
      );
      if (after) {
        if (after.host !== null) hosts.poke(after.host, id);
      } else {
        await records.index.delete(indexPartition(id), id);
        await records.boots.delete(id, bootKey);
      }
      return before;
    },
    async console(principal, id) {
      const { host } = await show(principal, id);
      if (host === null) throw new ShoalError('CONFLICT', `Instance ${id} is not ready`);
      return Buffer.from(await hosts.console(host, id)).toString('utf8');
    },
  };
};
