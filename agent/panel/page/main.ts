/**
 * The panel: who is logged in, which page is shown. A page is one file with one component; it is added to `pages`
 * and stands on the public APIs alone.
 */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Events } from './events.ts';
import { Hosts } from './hosts.ts';
import { type Children, html } from './html.ts';
import { LayoutPage } from './layout.ts';
import { Login } from './login.ts';
import { Containers, Objects } from './objects.ts';
import { Servers } from './servers.ts';
import {
  isAdmin,
  logOut,
  type Session,
  sessionEnded,
  storedSession,
  storeSession,
  switchProject,
} from './session.ts';

interface Page {
  readonly path: string;
  readonly title: string;
  readonly adminOnly: boolean;
  readonly show: (session: Session, rest: string | undefined) => Children;
}

const pages: readonly Page[] = [
  {
    path: 'hosts',
    title: 'Hosts',
    adminOnly: true,
    show: (session) => html`<${Hosts} session=${session} />`,
  },
  {
    path: 'layout',
    title: 'Layout',
    adminOnly: true,
    show: (session) => html`<${LayoutPage} session=${session} />`,
  },
  {
    path: 'servers',
    title: 'Servers',
    adminOnly: false,
    show: (session) => html`<${Servers} session=${session} />`,
  },
  {
    path: 'objects',
    title: 'Objects',
    adminOnly: false,
    show: (session, container) =>
      container === undefined
        ? html`<${Containers} session=${session} />`
        : html`<${Objects} key=${container} session=${session} container=${container} />`,
  },
  {
    path: 'events',
    title: 'Events',
    adminOnly: true,
    show: (session) => html`<${Events} session=${session} />`,
  },
];

const useHash = (): string => {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return hash;
};

const Shell = ({
  session,
  change,
}: {
  readonly session: Session;
  readonly change: (session: Session | null) => void;
}) => {
  const allowed = pages.filter((page) => isAdmin(session) || !page.adminOnly);
  const [, wanted, rest] = useHash().split('/');
  const page = allowed.find((candidate) => candidate.path === wanted) ?? allowed[0];
  useEffect(() => {
    document.title = `${page?.title} · shoal`;
  }, [page]);
  const choose = async (event: Event): Promise<void> => {
    const project = session.projects.find(
      (candidate) => candidate.id === (event.target as HTMLSelectElement).value,
    );
    if (project) change(await switchProject(session, project).catch(() => null));
  };
  return html`
    <a class="skip" href="#main" onClick=${(event: Event) => {
      event.preventDefault();
      document.getElementById('main')?.focus();
    }}>Skip to the page</a>
    <header>
      <a class="brand" href="#/"><img src="/panel/page/icon.svg" alt="" width="28" height="28" /> shoal</a>
      <nav aria-label="Pages">
        ${allowed.map((entry) => html`<a href=${`#/${entry.path}`} aria-current=${entry === page ? 'page' : undefined}>${entry.title}</a>`)}
      </nav>
      <div class="who">
        <label><span class="hidden">Project</span>
          <select onChange=${choose} value=${session.project.id}>
            ${session.projects.map((project) => html`<option value=${project.id}>${project.name}</option>`)}
          </select>
        </label>
        <button class="quiet" onClick=${() => {
          void logOut(session);
          change(null);
        }}>Log out ${session.userName}</button>
      </div>
    </header>
    <main id="main" tabindex="-1">${page?.show(session, rest === undefined ? undefined : decodeURIComponent(rest))}</main>
  `;
};

const Panel = () => {
  const [session, setSession] = useState(storedSession);
  const change = (next: Session | null): void => {
    storeSession(next);
    setSession(next);
  };
  useEffect(() => {
    const ended = (): void => change(null);
    addEventListener(sessionEnded, ended);
    return () => removeEventListener(sessionEnded, ended);
  }, []);
  return session
    ? html`<${Shell} key=${session.project.id} session=${session} change=${change} />`
    : html`<${Login} entered=${change} />`;
};

render(html`<${Panel} />`, document.body);
