import './fonts.css';
import './traveller/traveller.css';
import { mount } from 'svelte';
import Display from './traveller/Display.svelte';

mount(Display, { target: document.body });
