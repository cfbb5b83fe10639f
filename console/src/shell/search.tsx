// The palette: everything that has a name, from one field.
import { useMemo, useState, type KeyboardEvent, type ReactNode } from 'react';
import { navigate } from '../router/location.ts';
import { PAGES } from '../router/routes.ts';
import { store } from '../store/hooks.ts';
import { linkTo } from '../url/use-view.ts';
import { Dialog } from './dialog.tsx';

type Hit = { readonly title: string; readonly kind: string; readonly to: string };

const SHOWN_MAX = 12;

function everything(): Hit[] {
  const name = (id: string): string => store.node(id)?.name ?? id;
  return [
    ...store.nodes().map((node) => ({
      title: node.name,
      kind: `${node.kind === 'vm' ? 'VM' : node.kind} ${node.namespace} ${node.identity}`.trim(),
      to: linkTo('/', { sel: node.id }),
    })),
    ...store.edges().map((edge) => ({
      title: `${name(edge.from)} → ${name(edge.to)} :${edge.port}`,
      kind: `edge ${edge.application || edge.protocol}`,
      to: linkTo('/', { sel: `edge:${edge.id}` }),
    })),
    ...PAGES.map(({ title, segment }) => ({ title, kind: 'page', to: linkTo(`/${segment}`) })),
  ];
}

/** All words somewhere; the earlier in the title the better. */
function hitsOf(all: readonly Hit[], text: string): Hit[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const costOf = ({ title, kind }: Hit): number => {
    const [inTitle, inAll] = [title.toLowerCase(), `${title} ${kind}`.toLowerCase()];
    if (!words.every((word) => inAll.includes(word))) return -1;
    const places = words.map((word) => inTitle.indexOf(word)).map((at) => (at < 0 ? 500 : at));
    return places.reduce((sum, at) => sum + at, title.length / 100);
  };
  return all
    .map((hit) => ({ hit, cost: costOf(hit) }))
    .filter(({ cost }) => cost >= 0)
    .toSorted((a, b) => a.cost - b.cost)
    .slice(0, SHOWN_MAX)
    .map(({ hit }) => hit);
}

export function Search({ onClose }: { readonly onClose: () => void }): ReactNode {
  const all = useMemo(() => everything(), []);
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const hits = hitsOf(all, text);
  const open = (hit: Hit | undefined): void => {
    if (!hit) return;
    onClose();
    navigate(hit.to);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setChosen((chosen + step + hits.length) % Math.max(hits.length, 1));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      open(hits[chosen]);
    }
  };
  return (
    <Dialog label="Search" onClose={onClose} className="search">
      <input
        type="text"
        role="combobox"
        aria-label="Search workloads, edges and pages"
        aria-expanded={hits.length > 0}
        aria-controls="search-hits"
        aria-activedescendant={hits[chosen] ? `search-hit-${chosen}` : undefined}
        placeholder="Workload, edge, identity or page"
        value={text}
        autoComplete="off"
        onChange={({ target }) => {
          setText(target.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="search-hits" role="listbox" aria-label="Found">
        {hits.map((hit, index) => (
          <li
            key={hit.to}
            id={`search-hit-${index}`}
            role="option"
            aria-selected={index === chosen}
            onPointerDown={(event) => {
              event.preventDefault();
              open(hit);
            }}
          >
            {hit.title} <span className="quiet">{hit.kind}</span>
          </li>
        ))}
      </ul>
      {hits.length === 0 && <p className="quiet">Nothing has that in its name.</p>}
    </Dialog>
  );
}
