#![cfg_attr(fuzzing, no_main)]

sealwork_fuzz::program!(sealwork_fuzz::tiktok_captions);
