import './fonts.css';
import '@fontsource-variable/noto-sans-jp/wght.css';
import '@fontsource-variable/noto-sans-sc/wght.css';
import './traveller/traveller.css';
import { mount } from 'svelte';
import Display from './traveller/Display.svelte';

mount(Display, { target: document.body });
