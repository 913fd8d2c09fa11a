#![cfg_attr(fuzzing, no_main)]

sealwork_fuzz::program!(sealwork_fuzz::x_page);
