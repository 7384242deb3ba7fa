// MathJax asks for the rules by which formulas are spoken with XMLHttpRequest, which browsers refuse a page
// that was opened from a file. Scripts they load: each set of rules is one, and calls mathmap (_ext/assets.py).
(() => {
  const received = {};
  window.mathmap = (locale, rules) => received[locale](JSON.stringify(rules));

  const load = (locale) =>
    new Promise((resolve, reject) => {
      received[locale] = resolve;
      const script = document.createElement("script");
      script.src = `${SREfeature.json}/${locale}.js`;
      script.onerror = reject;
      document.head.append(script);
    });

  const ready = () => {
    SREfeature.custom = load;
  };
  window.MathJax = { ...window.MathJax, loader: { "a11y/sre": { ready } } };
})();
