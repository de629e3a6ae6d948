//! A bounded memory of what texts were found to be, by their hashes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// SHA-256 of a text.
pub(super) type Hash = [u8; 32];

/// Two generations: what was used since the last turn, and what was used in the one before. When
/// the young one is half of the bound the old one is dropped, which costs nothing per use.
pub(super) struct Cache<V> {
    max_entries: usize,
    max_bytes: usize,
    generations: Mutex<Generations<V>>,
}

struct Generations<V> {
    young: Generation<V>,
    old: Generation<V>,
}

struct Generation<V> {
    entries: HashMap<Hash, Entry<V>>,
    bytes: usize,
}

struct Entry<V> {
    value: V,
    bytes: usize,
}

impl<V: Clone> Cache<V> {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        let [young, old] = [(); 2].map(|()| Generation::default());
        Self {
            max_entries,
            max_bytes,
            generations: Mutex::new(Generations { young, old }),
        }
    }

    pub(super) fn get(&self, hash: &Hash) -> Option<V> {
        let mut generations = self.lock();
        if let Some(entry) = generations.young.entries.get(hash) {
            return Some(entry.value.clone());
        }
        let entry = generations.old.entries.remove(hash)?;
        generations.old.bytes -= entry.bytes;
        let value = entry.value.clone();
        self.keep(&mut generations, *hash, entry);
        Some(value)
    }

    /// Remembers what takes `bytes`, unless that is too much for the whole cache.
    pub(super) fn insert(&self, hash: Hash, value: V, bytes: usize) {
        self.keep(&mut self.lock(), hash, Entry { value, bytes });
    }

    fn keep(&self, generations: &mut Generations<V>, hash: Hash, entry: Entry<V>) {
        let bytes = entry.bytes;
        if bytes > self.max_bytes / 2 || self.max_entries < 2 {
            return;
        }
        let young = &generations.young;
        let full = young.entries.len() + 1 > self.max_entries / 2
            || young.bytes + bytes > self.max_bytes / 2;
        if full {
            generations.old = std::mem::take(&mut generations.young);
        }
        let before = generations.young.entries.insert(hash, entry);
        generations.young.bytes += bytes;
        generations.young.bytes -= before.map_or(0, |it| it.bytes);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations<V>> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Default for Generation<V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            bytes: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u8) -> Hash {
        [number; 32]
    }

    impl<V: Clone> Cache<V> {
        fn held(&self) -> (usize, usize) {
            let Generations { young, old } = &*self.lock();
            (
                young.entries.len() + old.entries.len(),
                young.bytes + old.bytes,
            )
        }
    }

    #[test]
    fn what_is_used_stays_while_others_come_and_go() {
        let cache = Cache::new(8, 1000);
        cache.insert(hash(0), "kept", 1);
        for number in 1..100 {
            cache.insert(hash(number), "other", 1);
            assert_eq!(cache.get(&hash(0)), Some("kept"));
            assert!(cache.held().0 <= 8);
        }
        assert_eq!(cache.get(&hash(1)), None);
    }

    #[test]
    fn the_cache_is_bounded_in_bytes() {
        let cache = Cache::new(1000, 100);
        for number in 0..100 {
            cache.insert(hash(number), (), 10);
            assert!(cache.held().1 <= 100);
        }
        cache.insert(hash(200), (), 51);
        assert_eq!(cache.get(&hash(200)), None);
    }

    #[test]
    fn what_is_kept_twice_counts_once() {
        let cache = Cache::new(8, 1000);
        cache.insert(hash(1), (), 7);
        cache.insert(hash(1), (), 7);
        assert_eq!(cache.held(), (1, 7));
    }
}
