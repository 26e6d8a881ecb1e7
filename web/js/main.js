// Wires the page together: finds the elements, makes the objects, and passes what happens between them. No logic of its own.
import { Account } from './account.js';
import { AccountView } from './account_view.js';
import { Captions } from './captions.js';
import { CaptionsView } from './captions_view.js';
import { Choices } from './choices.js';
import { ClonesView } from './clones_view.js';
import { Conversation, detectCodecs } from './conversation.js';
import { HistoryView } from './history_view.js';
import { KnowledgeView } from './knowledge_view.js';
import { MeterView } from './meter_view.js';
import { microphoneWords } from './microphone.js';
import { Notices } from './notices.js';
import { pageHook, rememberTurn } from './page_hook.js';
import { RingView } from './ring_view.js';
import { pageState, stateWords } from './states.js';
import { Views } from './views.js';

const byId = (id) => document.getElementById(id);
const talkButton = byId('talk');
const muteButton = byId('mute');
const endButton = byId('end');
const ring = new RingView(byId('ring'));
const meter = new MeterView(byId('meter'));
const notices = new Notices({ bar: byId('notice'), text: byId('notice-text'), action: byId('notice-action') });
const choices = new Choices(
  { clone: byId('clone'), voice: byId('voice'), key: byId('api-key'), keyProblem: byId('api-key-problem') },
  { voice: (voice) => conversation?.setVoice(voice), key: () => reload() },
);
const account = new Account(() => choices.apiKey());

let countdown;
let view = null;
let conversation = null;
const captions = new Captions((entry) => view?.changed(entry));
view = new CaptionsView({
  list: byId('captions'), empty: byId('empty'), spoken: byId('spoken'), latest: byId('latest'), captions, cloneName: () => choices.cloneName(),
});

// "?audio=pcm" leaves Opus out, for trying what browsers without WebCodecs do.
const codecs = await detectCodecs(new URLSearchParams(location.search).get('audio'));
pageHook.codecs = codecs;

conversation = new Conversation(captions, codecs, () => account.credential(), {
  change: show,
  turn: rememberTurn,
  totals: (totals) => Object.assign(pageHook, totals),
  level: (side, rms) => {
    if (side === 'microphone') meter.set(rms);
    const heard = conversation.server === 'speaking' ? 'speaker' : 'microphone';
    if (side === heard) ring.setLevel(rms);
  },
  settled: () => notices.clear(),
  trouble: ({ text, kind }) => notices.show({
    text, kind, action: kind === 'dropped' ? 'Reconnect now' : null, onAction: () => conversation.reconnectNow(),
  }),
});

function show() {
  const { phase, server, microphone } = conversation;
  const live = phase === 'live';
  const talking = conversation.wantsMicrophone && phase !== 'lost' && phase !== 'off';
  const state = pageState({ phase, server, microphone: microphone.open, muted: microphone.muted });
  document.body.dataset.state = state;
  pageHook.sessionId = conversation.sessionId;
  const retryInS = Math.ceil((conversation.retryAt - Date.now()) / 1000);
  const words = stateWords(state, { clone: choices.cloneName(), microphone: microphone.open, retryInS });
  clearTimeout(countdown);
  if (phase === 'retrying' && retryInS > 0) countdown = setTimeout(show, 1000);
  byId('state-title').textContent = words.title;
  byId('state-hint').textContent = words.hint;
  const stoppable = talking || phase === 'connecting' || phase === 'retrying';
  talkButton.dataset.action = stoppable ? 'stop' : 'talk';
  byId('talk-label').textContent = stoppable ? 'Stop' : 'Talk';
  talkButton.disabled = phase === 'asking';
  muteButton.hidden = !(talking && microphone.open);
  muteButton.setAttribute('aria-pressed', String(microphone.muted));
  endButton.hidden = stoppable || !live;
  byId('clone').disabled = phase !== 'off' && phase !== 'lost';
  ring.setState(state);
  meter.setActive(microphone.open && !microphone.muted);
}

talkButton.addEventListener('click', async () => {
  if (talkButton.dataset.action === 'stop') {
    notices.clear();
    await conversation.stop();
    return;
  }
  notices.clear();
  try {
    await conversation.talk(choices.current());
  } catch (error) {
    notices.show({ text: error.name ? error.message : microphoneWords(''), kind: 'error' });
  }
});
endButton.addEventListener('click', () => conversation.stop());
muteButton.addEventListener('click', () => conversation.setMuted(!conversation.microphone.muted));
byId('fields').addEventListener('submit', (event) => event.preventDefault());
byId('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = byId('message').value.trim();
  if (!text) return;
  byId('message').value = '';
  conversation.say(text, choices.current());
});

if (!codecs.output) {
  notices.show({ text: `This page was opened without HTTPS, so there is no sound. ${microphoneWords('insecure')}`, kind: 'error' });
}
byId('choices').open = matchMedia('(min-width: 52.01rem) and (min-height: 46rem)').matches;

// ---- the other views ----

const reload = () => choices.load(account).then(show);
const onView = {
  changed: reload,
  talkTo: async (cloneId) => {
    if (conversation.phase !== 'off' && choices.current().clone !== cloneId) await conversation.stop();
    choices.choose(cloneId);
    show();
    location.hash = '#talk';
    views.show();
    talkButton.focus();
  },
  note: ({ text, action, onAction }) => notices.show({ text, kind: 'note', action, onAction }),
  problem: (text) => notices.show({ text, kind: 'error' }),
};
const viewOf = (name, made) => [name, { root: made.root, open: (detail) => made.open(detail) }];
const views = new Views(Object.fromEntries([
  ['talk', { root: byId('talk-view') }],
  viewOf('clones', new ClonesView(byId('clones-view'), account, () => choices.voices, onView)),
  viewOf('knowledge', new KnowledgeView(byId('knowledge-view'), account, onView)),
  viewOf('history', new HistoryView(byId('history-view'), account, onView)),
  viewOf('account', new AccountView(byId('account-view'), account, onView)),
]), [...byId('sections').querySelectorAll('a')]);
account.addEventListener('change', () => {
  byId('account-link').textContent = account.signedIn ? account.name || 'Account' : 'Sign in';
});

show();
await account.load();
await reload();
views.show();
