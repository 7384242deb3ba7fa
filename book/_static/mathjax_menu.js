// Two mends for what the menu of a formula loads on demand.
(() => {
  // Browsers refuse XMLHttpRequest, by which MathJax asks for the rules of speech, to a page opened from a file.
  // Scripts they load: each language's rules are one, and call mathmap (see _ext/assets.py).
  const received = {};
  window.mathmap = (locale, rules) => received[locale](JSON.stringify(rules));

  const loadRules = (locale) =>
    new Promise((resolve, reject) => {
      received[locale] = resolve;
      const script = document.createElement("script");
      script.src = `${SREfeature.json}/${locale}.js`;
      script.onerror = reject;
      document.head.append(script);
    });

  // Enriched for the first time, a formula throws a promise to wait for, which the menu does not catch: speech
  // chosen there left no formula on the page.
  const waitForWhatIsThrown = () => {
    const { Menu } = MathJax._.ui.menu.Menu;
    const { rerender } = Menu.prototype;
    Menu.prototype.rerender = function (start) {
      return MathJax._.mathjax.mathjax.handleRetriesFor(() => rerender.call(this, start));
    };
  };

  window.MathJax = {
    ...window.MathJax,
    loader: { "a11y/sre": { ready: () => (SREfeature.custom = loadRules) } },
    startup: {
      ready() {
        waitForWhatIsThrown();
        MathJax.startup.defaultReady();
      },
    },
  };
})();
