import './fonts.css';
import './guard/guard.css';
import './guard/line.css';
import './people/people.css';
import { mount } from 'svelte';
import App from './guard/App.svelte';

mount(App, { target: document.body });
