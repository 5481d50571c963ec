import './fonts.css';
import './guard/guard.css';
import './guard/line.css';
import './people/people.css';
import { mount } from 'svelte';
import App from './guard/App.svelte';
import { speakAsBefore } from './lib/say.svelte';
import { wearAsBefore } from './lib/theme.svelte';

wearAsBefore();
void speakAsBefore().then(() => mount(App, { target: document.body }));
