// Before the first paint, so that no wrong theme flashes: the link's theme, else the one kept here.
// A file of its own because the content security policy allows no inline script.
(() => {
  const asked = new URLSearchParams(location.search).get('theme');
  let kept = null;
  try {
    kept = localStorage.getItem('isthmus.theme');
  } catch {
    // Storage is switched off: the system's theme will do.
  }
  const theme = [asked, kept].find((name) => name === 'light' || name === 'dark');
  if (theme) document.documentElement.dataset.theme = theme;
})();
