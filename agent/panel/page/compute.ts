/** What the pages of servers share: Nova's words, and what can be done to a server. */
import type { Act } from './act.ts';
import { call } from './call.ts';
import { html } from './html.ts';
import type { Session } from './session.ts';

export interface Server {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly created: string;
  readonly key_name: string | null;
  readonly image: { readonly id: string } | '';
  readonly flavor: { readonly id: string };
  readonly addresses: Readonly<Record<string, readonly { readonly addr: string }[]>>;
  /** Admins are told. */
  readonly 'OS-EXT-SRV-ATTR:host'?: string | null;
  readonly 'OS-EXT-STS:task_state'?: string | null;
  readonly fault?: { readonly message: string };
}

export interface Flavor {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  readonly ram: number;
  readonly disk: number;
}

export const addressesOf = (server: Server): string =>
  Object.values(server.addresses)
    .flat()
    .map((address) => address.addr)
    .join(', ') || '–';

/** What a server is busy with, or why it failed. */
export const taskOf = (server: Server): string =>
  server['OS-EXT-STS:task_state'] ?? server.fault?.message ?? '';

interface PowerProps {
  readonly session: Session;
  readonly server: Server;
  readonly act: Act['act'];
  readonly busy: boolean;
  readonly deleted?: () => void;
}

export const Power = ({ session, server, act, busy, deleted }: PowerProps) => {
  const button = (label: string, action: unknown) =>
    html`<button class="quiet" disabled=${busy} aria-label=${`${label} ${server.name}`} onClick=${() =>
      act(() =>
        call(session, 'compute', 'POST', `/v2.1/servers/${server.id}/action`, { json: action }),
      )}>${label}</button>`;
  const remove = (): void => {
    if (!confirm(`Delete server "${server.name}" and its disk?`)) return;
    act(async () => {
      await call(session, 'compute', 'DELETE', `/v2.1/servers/${server.id}`);
      deleted?.();
    });
  };
  return html`<span class="actions">
    ${server.status === 'SHUTOFF' && button('Start', { 'os-start': null })}
    ${server.status === 'ACTIVE' && button('Stop', { 'os-stop': null })}
    ${server.status === 'ACTIVE' && button('Reboot', { reboot: { type: 'SOFT' } })}
    ${['ERROR', 'REBOOT'].includes(server.status) && button('Hard reboot', { reboot: { type: 'HARD' } })}
    <button class="quiet danger" disabled=${busy} aria-label=${`Delete ${server.name}`} onClick=${remove}>Delete</button>
  </span>`;
};
