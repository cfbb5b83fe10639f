// Light, dark, or as the system has it. A link's theme wins over what is kept in this browser.
import { useEffect } from 'react';
import { changeView, useView } from '../url/use-view.ts';
import { THEMES, type ViewState } from '../url/view-state.ts';

const KEPT = 'isthmus.theme';
type Theme = ViewState['theme'];

function keptTheme(): Theme {
  const kept = localStorage.getItem(KEPT);
  return THEMES.find((theme) => theme === kept) ?? 'system';
}

export function useTheme(): { readonly theme: Theme; readonly next: () => void } {
  const asked = useView().theme;
  const theme = asked === 'system' ? keptTheme() : asked;
  useEffect(() => {
    const root = document.documentElement;
    if (theme === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = theme;
    dispatchEvent(new Event('isthmus-theme'));
  }, [theme]);
  const next = (): void => {
    const following = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
    localStorage.setItem(KEPT, following);
    changeView({ theme: following }, 'replace');
  };
  return { theme, next };
}
