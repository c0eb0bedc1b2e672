// What the desk adds to its pages: forms and links in place, sheets in a dialog, live rows, keys.
// Every page works without it; nothing here knows what a page means, only the marks that pages carry:
//   data-place     a link or form whose answer replaces the desk without a reload
//   data-follow    a form whose answer is gone to, wherever that is
//   data-clear     a form that is empty again once it was sent
//   data-open      a link whose page is shown in the dialog
//   data-dismiss   a link that, inside the dialog, only closes it
//   data-sheet     on <main>: this page belongs into the dialog
//   data-live      inside the dialog: ask again until it has ended
//   data-pending   something is under way: ask again soon
//   data-act       the row's button for a key
//   data-key       the navigation's link for a key after “g”
//   data-many      a button that needs a selection
//   data-scan      a scanner's form: always typed into; its codes wait in line and are sent one by one
//   data-sound     what the answer sounds like; data-scanned tells one answer from the next
//   data-auto      a form that is sent as soon as something in it is chosen
//   data-left      seconds that are left; a clock inside it runs down, near and late colour it
//   data-events    the address of the event stream
'use strict';

(() => {
  const SOON = 150; // ms between an event and the refresh that it causes
  const GAP = 400; // ms between two refreshes at the least
  const PENDING = 1000; // ms between refreshes while something is under way
  const IDLE = 20000; // ms between refreshes otherwise: new orders, ages
  const AGAIN = 3000; // ms before a failed connection is tried again
  const TOAST = 6000; // ms that a message stays

  const desk = () => document.getElementById('desk');
  const dialog = document.getElementById('sheet');
  const toasts = document.getElementById('toasts');
  const offline = document.getElementById('offline');
  let sheetAddress = null;
  let opener = null;
  let openedAt = 0;
  let timer = null;
  let due = 0;
  let refreshed = 0;
  let going = 0;

  // --- asking the server

  async function ask(address, options = {}) {
    const headers = { 'X-Fragment': '1', Accept: 'text/html', ...options.headers };
    const response = await fetch(address, { credentials: 'same-origin', ...options, headers });
    offline.hidden = true;
    const parsed = new DOMParser().parseFromString(await response.text(), 'text/html');
    if (new URL(response.url).pathname === '/sign-in') {
      location.reload();
    }
    return { response, desk: parsed.getElementById('desk'), main: parsed.querySelector('main') };
  }

  function lost() {
    offline.hidden = false;
    refreshIn(AGAIN);
  }

  // --- making one tree like another, keeping focus, selection and what was typed

  function keyOf(node) {
    return node.nodeType === Node.ELEMENT_NODE ? node.id : '';
  }

  function morph(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || keyOf(old) !== keyOf(fresh)) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    // It came back with what was entered, which its address does not show.
    if (old.hasAttribute('data-kept')) return;
    if (old.isEqualNode(fresh) && !old.querySelector('input, select, textarea')) return;
    const changed = new Set();
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value) {
        old.setAttribute(name, value);
        changed.add(name);
      }
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name)) {
        old.removeAttribute(name);
        changed.add(name);
      }
    }
    // What the server now says differently wins over what was typed; otherwise what was typed stays.
    if (old.nodeName === 'INPUT' && changed.has('value') && old !== document.activeElement) old.value = fresh.value;
    if (old.nodeName === 'INPUT' && fresh.disabled) old.checked = false;
    if (old.nodeName === 'SELECT' && !old.isEqualNode(fresh)) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    const known = new Map();
    for (const child of old.children) if (child.id) known.set(child.id, child);
    const wanted = [...fresh.childNodes];
    let at = old.firstChild;
    for (const child of wanted) {
      const same = keyOf(child) && known.get(keyOf(child));
      if (same) {
        if (same === at) at = at.nextSibling;
        else old.insertBefore(same, at);
        morph(same, child);
      } else if (at && !keyOf(at) && !keyOf(child)) {
        const next = at.nextSibling;
        morph(at, child);
        at = next;
      } else {
        old.insertBefore(document.importNode(child, true), at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      if (!keyOf(at) || !wanted.some((child) => keyOf(child) === keyOf(at))) at.remove();
      at = next;
    }
  }

  function place(fresh) {
    const row = document.activeElement?.closest?.('tr[id]');
    const neighbours = row ? [row.nextElementSibling?.id, row.previousElementSibling?.id] : [];
    const gone = row?.id;
    morph(desk(), fresh);
    const title = desk().querySelector('main')?.dataset.title;
    if (title) document.title = `${title} · Countermand`;
    // The focused order left the list: its neighbour takes over, so that the keyboard goes on.
    if (gone && !document.getElementById(gone) && !dialog.open) {
      const next = neighbours.map((id) => id && document.getElementById(id)).find(Boolean);
      (next || desk().querySelector('tbody tr') || document.getElementById('content'))?.focus();
    }
    countSelected();
  }

  // Where a page that was gone to wants to be typed into.
  function focusWanted() {
    const wanted = desk().querySelector('[autofocus]:not(:disabled)');
    wanted?.focus();
    wanted?.select?.();
  }

  // --- refreshing

  // A later wish never postpones an earlier one, so that a burst of events cannot hold the refresh up.
  function refreshIn(delay) {
    const wanted = Math.max(Date.now() + delay, refreshed + GAP);
    if (timer && due <= wanted) return;
    clearTimeout(timer);
    due = wanted;
    timer = setTimeout(refresh, wanted - Date.now());
  }

  function usual() {
    const pending = document.querySelector('#desk [data-pending], #sheet[open] [data-pending]');
    refreshIn(pending ? PENDING : IDLE);
  }

  async function refresh() {
    clearTimeout(timer);
    timer = null;
    refreshed = Date.now();
    if (document.hidden || !desk()?.dataset.events) return;
    const asked = going;
    const here = location.href;
    try {
      const live = dialog.open && sheetAddress && dialog.querySelector('[data-live]');
      const [page, sheet] = await Promise.all([ask(here), live ? ask(sheetAddress) : null]);
      // Something else was shown meanwhile: this answer is about the past.
      if (asked !== going || here !== location.href) {
        usual();
        return;
      }
      if (page.response.ok && page.desk) place(page.desk);
      if (sheet?.response.ok && sheet.main && dialog.open) {
        morph(dialog.firstElementChild, sheet.main);
      }
      usual();
    } catch {
      lost();
    }
  }

  // --- places and sheets

  async function go(address, push) {
    const mine = ++going;
    document.body.classList.add('loading');
    try {
      const { response, desk: fresh } = await ask(address);
      if (mine !== going) return;
      if (!response.ok || !fresh) {
        location.assign(address);
        return;
      }
      if (push) history.pushState(null, '', response.url);
      place(fresh);
      focusWanted();
      if (push) scrollTo(0, 0);
      usual();
    } catch {
      location.assign(address);
    } finally {
      document.body.classList.remove('loading');
    }
  }

  function showSheet(main, address) {
    sheetAddress = address;
    dialog.replaceChildren(document.importNode(main, true));
    if (!dialog.open) {
      opener = document.activeElement;
      openedAt = rows().indexOf(opener.closest('tr'));
      dialog.showModal();
    }
    (dialog.querySelector('[autofocus]:not(:disabled)') || dialog.querySelector('main')).focus();
    usual();
  }

  async function open(address) {
    const wait = document.createElement('p');
    wait.className = 'loading';
    wait.textContent = dialog.dataset.loading;
    const slow = setTimeout(() => showSheet(wait, null), 300);
    try {
      const { main, response } = await ask(address);
      clearTimeout(slow);
      if (main) showSheet(main, response.url);
      else location.assign(address);
    } catch {
      clearTimeout(slow);
      dialog.close();
      lost();
    }
  }

  dialog.addEventListener('close', () => {
    dialog.replaceChildren();
    sheetAddress = null;
    // The order may have left the list meanwhile: whatever stands in its place goes on.
    const left = rows();
    const back = document.contains(opener) ? opener : left[Math.min(Math.max(openedAt, 0), left.length - 1)];
    (back || document.getElementById('content'))?.focus();
    opener = null;
    refreshIn(0);
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });

  function toast(text) {
    const line = document.createElement('p');
    line.textContent = text;
    toasts.append(line);
    setTimeout(() => line.remove(), TOAST);
  }

  // --- links and forms

  document.addEventListener('click', (event) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest('a');
    if (!link) {
      // A click on the row's free space focuses it, so that keys act on it.
      const row = event.target.closest('tbody tr[tabindex]');
      if (row && !event.target.closest('button, input, label, a')) row.focus();
      return;
    }
    if (link.hasAttribute('data-dismiss') && dialog.contains(link)) {
      event.preventDefault();
      dialog.close();
    } else if (link.hasAttribute('data-open')) {
      event.preventDefault();
      open(link.href);
    } else if (link.hasAttribute('data-place')) {
      event.preventDefault();
      go(link.href, true);
    }
  });

  // --- a scanner: it types faster than answers come, so codes wait in line, and each is sent by itself

  const codes = [];
  let sendingCodes = false;
  let audio = null;
  let sounded = null;
  // Pitch in hertz, length in seconds: high is good, low and long is not.
  const TONES = {
    ship: [[988, 0.12]],
    stock_in: [[660, 0.12], [784, 0.12]],
    unknown: [[330, 0.18], [262, 0.25]],
    silent: [[440, 0.2], [440, 0.2]],
    stop: [[196, 0.4], [147, 0.5]],
  };

  function sound() {
    const told = document.querySelector('#desk [data-sound]');
    if (!told || told.dataset.scanned === sounded) return;
    sounded = told.dataset.scanned;
    try {
      audio ??= new AudioContext();
      let at = audio.currentTime;
      for (const [pitch, length] of TONES[told.dataset.sound] || []) {
        const tone = audio.createOscillator();
        const volume = audio.createGain();
        tone.frequency.value = pitch;
        tone.type = told.dataset.sound === 'stop' ? 'square' : 'sine';
        volume.gain.value = 0.25;
        tone.connect(volume).connect(audio.destination);
        tone.start(at);
        tone.stop(at + length);
        at += length + 0.06;
      }
    } catch {
      // A browser without sound still shows the words.
    }
  }

  const scanner = () => document.querySelector('#desk form[data-scan] input[name=code]');

  function showWaiting() {
    const output = document.getElementById('waiting');
    if (output) output.textContent = codes.length ? `${codes.length} ${output.dataset.words}` : '';
  }

  async function sendCodes() {
    sendingCodes = true;
    while (codes.length) {
      showWaiting();
      const { address, data } = codes[0];
      going += 1;
      try {
        const { response, desk: fresh } = await ask(address, { method: 'POST', body: data });
        codes.shift();
        if (!response.ok || !fresh) {
          location.assign(address);
          return;
        }
        history.replaceState(null, '', response.url);
        sounded = null;
        place(fresh);
        sound();
        scanner()?.focus();
      } catch {
        // The code stays in line: what was carried out and not answered is told as scanned already.
        lost();
        await new Promise((done) => { setTimeout(done, AGAIN); });
      }
    }
    sendingCodes = false;
    showWaiting();
    usual();
  }

  function scan(form, button) {
    const data = new URLSearchParams(new FormData(form, button));
    form.elements.code.value = '';
    if (!data.get('code')?.trim()) return;
    codes.push({ address: form.action, data });
    if (!sendingCodes) sendCodes();
  }

  document.addEventListener('submit', async (event) => {
    const form = event.target;
    const button = event.submitter;
    if (form.hasAttribute('data-scan')) {
      event.preventDefault();
      scan(form, button);
      return;
    }
    const inSheet = form.hasAttribute('data-sheet-form') && dialog.contains(form);
    if (!form.hasAttribute('data-place') && form.id !== 'many' && !inSheet) return;
    // A file opens in a window of its own, as without this script; the marks that it leaves are looked at afterwards.
    if (button?.hasAttribute('formtarget')) {
      refreshIn(1000);
      return;
    }
    event.preventDefault();
    const data = new URLSearchParams(new FormData(form, button));
    const address = (button?.hasAttribute('formaction') && button.formAction) || form.action;
    if (form.method === 'get') {
      for (const [name, value] of [...data]) if (!value) data.delete(name, value);
      if (form.hasAttribute('data-clear')) form.reset();
      go(`${address}?${data}`, true);
      return;
    }
    // A second press while the first is under way would be the same form again.
    if (form.dataset.sending) return;
    form.dataset.sending = 'true';
    form.setAttribute('aria-busy', 'true');
    const mine = ++going;
    try {
      const { response, desk: fresh, main } = await ask(address, { method: 'POST', body: data });
      if (mine !== going) return;
      const said = main?.querySelector('.notice');
      if (said) toast(said.textContent);
      if (main?.hasAttribute('data-sheet')) {
        showSheet(main, response.url);
        refreshIn(0);
      } else if (form.hasAttribute('data-follow') && response.ok && fresh) {
        history.pushState(null, '', response.url);
        place(fresh);
        focusWanted();
        usual();
      } else if (inSheet) {
        dialog.close();
      } else if (form.id === 'many' && response.ok && fresh) {
        form.reset();
        said?.remove();
        // The answer may be another page: a plan.
        if (new URL(response.url).pathname !== location.pathname) {
          history.pushState(null, '', response.url);
          scrollTo(0, 0);
        }
        place(fresh);
        usual();
      } else if (response.ok && fresh && response.url === location.href) {
        // It led back to where we are: what it shows is news already.
        place(fresh);
        usual();
      } else {
        refreshIn(0);
      }
    } catch {
      lost();
    } finally {
      delete form.dataset.sending;
      form.removeAttribute('aria-busy');
    }
  });

  document.addEventListener('change', (event) => {
    const filters = event.target.closest('form.filters');
    if (filters && event.target.matches('select, input[type=date]')) {
      if (event.target.name !== 'time' || filters.querySelector('[name=from]')?.value || filters.querySelector('[name=to]')?.value) {
        filters.requestSubmit();
      }
    }
    event.target.closest('form[data-auto]')?.requestSubmit();
    if (event.target.id === 'every') {
      for (const box of boxes()) box.checked = event.target.checked && !box.disabled;
    }
    if (event.target.id === 'every' || event.target.matches('tbody input[type=checkbox]')) countSelected();
  });

  addEventListener('popstate', () => go(location.href, false));

  // --- selection

  const rows = () => [...document.querySelectorAll('#desk tbody tr[tabindex]')];
  const boxes = () => [...document.querySelectorAll('tbody input[name=order], tbody input[name=request]')];

  function countSelected() {
    const all = boxes().filter((box) => !box.disabled);
    const chosen = all.filter((box) => box.checked);
    const output = document.getElementById('selected');
    if (output) output.textContent = chosen.length ? String(chosen.length) : '';
    for (const button of document.querySelectorAll('[data-many]')) button.disabled = chosen.length === 0;
    document.getElementById('selection')?.classList.toggle('active', chosen.length > 0);
    for (const box of boxes()) box.closest('tr').classList.toggle('chosen', box.checked);
    const every = document.getElementById('every');
    if (every) {
      every.checked = chosen.length > 0 && chosen.length === all.length;
      every.indeterminate = chosen.length > 0 && chosen.length < all.length;
    }
  }
  document.addEventListener('reset', () => setTimeout(countSelected));

  // --- keys

  let afterG = 0;

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement?.closest?.('tr'));
    const row = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    row.focus();
    row.scrollIntoView({ block: 'nearest' });
  }

  const currentRow = () => document.activeElement?.closest?.('#desk tbody tr');

  function act(what) {
    const scope = currentRow() || document.querySelector('.order-head')?.closest('main');
    scope?.querySelector(`[data-act=${what}]`)?.click();
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const typing = event.target.closest?.('input:not([type=checkbox]):not([type=radio]), select, textarea');
    if (typing) {
      if (event.key === 'Escape') typing.blur();
      return;
    }
    // Whatever was clicked last, what the scanner types belongs into its field.
    if (scanner() && event.key.length === 1 && event.key !== ' ') {
      scanner().focus();
      return;
    }
    const key = event.key;
    if (Date.now() - afterG < 1500) {
      afterG = 0;
      const link = document.querySelector(`#navigation a[data-key="${CSS.escape(key)}"]`);
      if (link) {
        event.preventDefault();
        go(link.href, true);
      }
      return;
    }
    const row = currentRow();
    const onRow = row && document.activeElement === row;
    const does = {
      j: () => step(1),
      k: () => step(-1),
      ArrowDown: onRow ? () => step(1) : null,
      ArrowUp: onRow ? () => step(-1) : null,
      x: () => row?.querySelector('td.box input:not(:disabled)')?.click(),
      c: () => act('cancel'),
      p: () => act('pack'),
      l: () => act('print'),
      s: () => act('ship'),
      v: () => act('void'),
      a: () => act('agree'),
      r: () => act('reject'),
      o: () => row?.querySelector('a.number')?.click(),
      Enter: onRow ? () => row.querySelector('a.number')?.click() : null,
      g: () => { afterG = Date.now(); },
      '/': () => document.getElementById('search')?.focus(),
      '?': () => open('/keyboard'),
    }[key];
    if (does) {
      event.preventDefault();
      does();
    }
  });

  // --- clocks that run down: what the server said is left, less what has passed since

  const saidAt = new WeakMap();

  function runDown() {
    for (const clock of document.querySelectorAll('[data-left]')) {
      const known = saidAt.get(clock);
      const said = clock.dataset.left;
      if (known?.said !== said) saidAt.set(clock, { said, at: Date.now() });
      const left = Math.max(0, Number(said) - Math.floor((Date.now() - saidAt.get(clock).at) / 1000));
      clock.classList.toggle('late', left < Number(clock.dataset.late));
      clock.classList.toggle('near', left >= Number(clock.dataset.late) && left < Number(clock.dataset.near));
      const two = (number) => String(number).padStart(2, '0');
      const face = clock.querySelector('.clock');
      if (face) face.textContent = `${Math.floor(left / 3600)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
    }
  }

  // --- the event stream

  let stream = null;

  function follow() {
    const address = desk()?.dataset.events;
    if (!address || stream || document.hidden) return;
    stream = new EventSource(address);
    for (const name of ['orders', 'cancellations', 'requests', 'batches', 'shops', 'stock']) {
      stream.addEventListener(name, (event) => {
        const told = JSON.parse(event.data);
        const number = document.getElementById(told.order_id)?.dataset.number;
        if (number && /^cancellation\.(done|refused|needs_attention)$/.test(told.action)) {
          toast(told.detail.includes(number) ? told.detail : `${number}: ${told.detail}`);
        }
        refreshIn(SOON);
      });
    }
    stream.onopen = () => { offline.hidden = true; };
    stream.onerror = () => {
      stream?.close();
      stream = null;
      setTimeout(follow, AGAIN);
    };
  }

  // Browsers allow few connections to one server: a desk that nobody looks at gives its own back.
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else {
      follow();
      refreshIn(0);
    }
  });

  document.documentElement.classList.add('scripted');
  const said = document.querySelector('main .notice');
  if (said) toast(said.textContent);
  countSelected();
  setInterval(runDown, 1000);
  runDown();
  follow();
  usual();
})();
