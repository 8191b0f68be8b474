/**
 * The panel: who is logged in, which page is shown. A page is one file with one component; it is added to `pages`
 * and stands on the public APIs alone. The address of a page is `#/path/rest/...`, each part percent-encoded.
 */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useAct } from './act.ts';
import { Away, useNeighbours } from './away.ts';
import { sessionEnded } from './call.ts';
import { Containers } from './containers.ts';
import { Events } from './events.ts';
import { Hosts } from './hosts.ts';
import { type Children, html } from './html.ts';
import { Images } from './images.ts';
import { LayoutPage } from './layout.ts';
import { Login } from './login.ts';
import { Objects } from './objects.ts';
import { Problem } from './parts.ts';
import { ServerPage } from './server.ts';
import { Servers } from './servers.ts';
import { isAdmin, logOut, type Session, storedSession, storeSession, switchProject } from './session.ts';

interface Page {
  readonly path: string;
  readonly title: string;
  readonly adminOnly?: boolean;
  readonly show: (session: Session, rest: readonly string[]) => Children;
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
    show: (session, [id]) =>
      id === undefined
        ? html`<${Servers} session=${session} />`
        : html`<${ServerPage} key=${id} session=${session} id=${id} />`,
  },
  { path: 'images', title: 'Images', show: (session) => html`<${Images} session=${session} />` },
  {
    path: 'objects',
    title: 'Objects',
    show: (session, [container, folder = '']) =>
      container === undefined
        ? html`<${Containers} session=${session} />`
        : html`<${Objects} key=${`${container}/${folder}`} session=${session} container=${container} folder=${folder} />`,
  },
  {
    path: 'events',
    title: 'Events',
    adminOnly: true,
    show: (session) => html`<${Events} session=${session} />`,
  },
];

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

const useHash = (): string => {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => {
      setHash(location.hash);
      scrollTo(0, 0);
      document.getElementById('main')?.focus({ preventScroll: true });
    };
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return hash;
};

interface ShellProps {
  readonly session: Session;
  readonly change: (session: Session) => void;
  readonly leave: (notice?: string) => void;
}

const Shell = ({ session, change, leave }: ShellProps) => {
  const [, wanted, ...rest] = useHash().split('/').map(decoded);
  const allowed = pages.filter((page) => isAdmin(session) || !page.adminOnly);
  const page = allowed.find((candidate) => candidate.path === wanted) ?? allowed[0];
  const { error, act } = useAct();
  useNeighbours(session);
  useEffect(() => {
    document.title = `${page?.title} · shoal`;
  }, [page]);
  const choose = (event: Event): void => {
    const { value } = event.currentTarget as HTMLSelectElement;
    const project = session.projects.find(({ id }) => id === value);
    if (project) act(async () => change(await switchProject(session, project)));
  };
  const skip = (event: Event): void => {
    event.preventDefault();
    document.getElementById('main')?.focus();
  };
  const out = (): void => {
    void logOut(session);
    leave();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the page</a>
    <header>
      <a class="brand" href="#/"><img src="/panel/page/icon.svg" alt="" width="28" height="28" /> shoal</a>
      <nav aria-label="Pages">
        ${allowed.map((entry) => html`<a key=${entry.path} href=${`#/${entry.path}`} aria-current=${entry === page ? 'page' : undefined}>${entry.title}</a>`)}
      </nav>
      <div class="who">
        <span class="user">${session.userName} in</span>
        <label><span class="hidden">Project</span>
          <select onChange=${choose} value=${session.project.id}>
            ${session.projects.map((project) => html`<option key=${project.id} value=${project.id}>${project.name}</option>`)}
          </select>
        </label>
        <button class="quiet" onClick=${out}>Log out</button>
      </div>
    </header>
    <main id="main" tabindex="-1">
      <${Problem} error=${error} />
      ${page?.show(session, rest)}
    </main>
  `;
};

const Panel = () => {
  const [session, setSession] = useState(storedSession);
  const [notice, setNotice] = useState<string>();
  const change = (next: Session): void => {
    storeSession(next);
    setSession(next);
  };
  const leave = (why?: string): void => {
    storeSession(null);
    setNotice(why);
    setSession(null);
  };
  useEffect(() => {
    const ended = (): void => leave('Your log-in has ended: please log in again.');
    addEventListener(sessionEnded, ended);
    return () => removeEventListener(sessionEnded, ended);
  }, []);
  return html`
    ${
      session
        ? html`<${Shell} key=${session.project.id} session=${session} change=${change} leave=${leave} />`
        : html`<${Login} notice=${notice} entered=${change} />`
    }
    <${Away} />
  `;
};

render(html`<${Panel} />`, document.body);
